// The application behind the gateway: says back what it received and remembers it, byte for byte
// where that matters. HTTP/1.1, WebSocket (echo) and server-sent events (`/sse`).
import http from 'node:http';
import { WebSocketServer } from 'ws';

// Every character that is not a letter or digit reads as `-`: how CGI, WSGI and the like see names.
export const folded = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

export class TestOrigin {
  static async start() {
    const origin = new TestOrigin();
    await new Promise((resolve) => origin.server.listen(0, '127.0.0.1', resolve));
    origin.port = origin.server.address().port;
    return origin;
  }

  constructor() {
    this.requests = [];
    this.sockets = new Set();
    this.server = http.createServer(
      { insecureHTTPParser: true, maxHeaderSize: 128 * 1024 },
      (request, response) => this.#answer(request, response),
    );
    this.webSockets = new WebSocketServer({ noServer: true });
    this.server.on('upgrade', (request, socket, head) => {
      this.#record(request, '');
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', () => {});
        webSocket.on('message', (data, binary) => webSocket.send(data, { binary }));
      });
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }
  get service() {
    return `http://127.0.0.1:${this.port}`;
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
    await new Promise((resolve) => this.server.close(resolve));
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

  async #answer(request, response) {
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
