// The application behind the gateway: says back what it received and remembers it, byte for byte
// where that matters. HTTP/1.1, WebSocket (echo; `/ws/late` takes its time), server-sent events (`/sse`), a download without end
// (`/download`), no answer at all (`/silent`), and gRPC over HTTP/2 without TLS on a port of its own.
import http from 'node:http';
import http2 from 'node:http2';
import { WebSocketServer } from 'ws';

// Every character that is not a letter or digit reads as `-`: how CGI, WSGI and the like see names.
export const folded = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

export class TestOrigin {
  static async start() {
    const origin = new TestOrigin();
    await new Promise((resolve) => origin.server.listen(0, '127.0.0.1', resolve));
    origin.port = origin.server.address().port;
    await new Promise((resolve) => origin.http2.listen(0, '127.0.0.1', resolve));
    origin.http2Port = origin.http2.address().port;
    return origin;
  }

  constructor() {
    this.requests = [];
    this.sockets = new Set();
    this.streams = new Map(); // target -> how many requests for it are open
    this.server = http.createServer(
      { insecureHTTPParser: true, maxHeaderSize: 128 * 1024 },
      (request, response) => this.#answer(request, response),
    );
    this.webSockets = new WebSocketServer({ noServer: true });
    this.server.on('upgrade', (request, socket, head) => {
      this.#record(request, '');
      const upgrade = () =>
        this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          this.#track(request.url, webSocket);
          webSocket.on('error', () => {});
          webSocket.on('message', (data, binary) => webSocket.send(data, { binary }));
        });
      setTimeout(upgrade, request.url.startsWith('/ws/late') ? 500 : 0);
    });
    this.http2 = http2.createServer();
    this.http2.on('stream', (stream, headers) => this.#answerGrpc(stream, headers));
    for (const server of [this.server, this.http2]) {
      server.on('connection', (socket) => {
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket));
      });
    }
  }
  get service() {
    return `http://127.0.0.1:${this.port}`;
  }
  get http2Service() {
    return `http://127.0.0.1:${this.http2Port}`;
  }
  // How many requests for that target are open right now.
  open(target) {
    return this.streams.get(target) ?? 0;
  }
  #track(target, emitter) {
    this.streams.set(target, this.open(target) + 1);
    emitter.on('close', () => this.streams.set(target, this.open(target) - 1));
  }
  get last() {
    return this.requests.at(-1);
  }
  clear() {
    this.requests.length = 0;
  }

  async stop() {
    this.webSockets.close();
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(
      [this.server, this.http2].map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  #record(request, body) {
    const lines = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      lines.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
    }
    const seen = {
      method: request.method,
      url: request.url,
      lines,
      body,
      // Values of every header that an application could take for `name`.
      values: (name) =>
        lines.filter(([key]) => folded(key) === folded(name)).map(([, value]) => value),
    };
    this.requests.push(seen);
    return seen;
  }

  // Says back every message as it comes, and its own count every 50 ms; status 0 at the end.
  #answerGrpc(stream, headers) {
    this.#track(headers[':path'], stream);
    const lines = Object.entries(headers);
    this.requests.push({
      method: headers[':method'],
      url: headers[':path'],
      lines,
      values: (name) =>
        lines.filter(([key]) => folded(key) === folded(name)).map(([, value]) => value),
    });
    stream.on('error', () => {});
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-origin': 'grpc' },
      { waitForTrailers: true },
    );
    const frame = (text) => {
      const message = Buffer.from(text);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      return Buffer.concat([head, message]);
    };
    let count = 0;
    const timer = setInterval(() => stream.write(frame(`${++count}`)), 50);
    stream.on('data', (chunk) => stream.write(chunk));
    stream.on('end', () => {
      clearInterval(timer);
      stream.end();
    });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('close', () => clearInterval(timer));
  }

  async #answer(request, response) {
    this.#track(request.url, response);
    let body = '';
    request.setEncoding('latin1');
    try {
      for await (const chunk of request) body += chunk;
    } catch {
      return;
    }
    const seen = this.#record(request, body);
    response.setHeader('x-origin', 'echo');
    if (request.url.startsWith('/sse')) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      let count = 0;
      const timer = setInterval(() => response.write(`data: ${++count}\n\n`), 50);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (request.url.startsWith('/silent')) return;
    if (request.url.startsWith('/download')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const block = Buffer.alloc(64 * 1024, 'x');
      const timer = setInterval(() => {
        if (!response.writableNeedDrain) response.write(block);
      }, 10);
      response.on('close', () => clearInterval(timer));
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        method: seen.method,
        url: seen.url,
        headers: seen.lines,
        body,
        email: seen.values('cf-access-authenticated-user-email')[0] ?? null,
        policy: seen.values('gatehouse-policy-name')[0] ?? null,
      }),
    );
  }
}
