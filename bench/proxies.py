"""The servers that are measured: the same nginx without the module, with it, with auth_request, and the real
peers, each on core 0 with one worker; and the load that is put on them from core 1."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HOST = "bench.example"
SESSIONS = 64
CONNECTIONS = 64
APPLICATION_PORT = 18299

NGINX = """
daemon off; worker_processes 1; worker_cpu_affinity 01; pid {run}/{name}.pid; error_log {run}/{name}.log warn;
{module}
events {{ worker_connections 4096; }}
http {{
  {state}
  access_log off; server_tokens off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {run}/t1; proxy_temp_path {run}/t2; fastcgi_temp_path {run}/t3; uwsgi_temp_path {run}/t4; scgi_temp_path {run}/t5;
  request_pool_size 12k; large_client_header_buffers 4 16k;
  map $http_upgrade $gatehouse_upgrade {{ default ''; ~*^websocket$ websocket; }}
  map $gatehouse_upgrade $gatehouse_connection {{ default upgrade; '' ''; }}
  upstream application {{ server 127.0.0.1:{application}; keepalive 512; }}
  upstream decider {{ server 127.0.0.1:{application}; keepalive 512; }}
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl; server_name {host};
    ssl_certificate {run}/server.crt; ssl_certificate_key {run}/server.key; ssl_session_tickets off;
    ssl_protocols TLSv1.2 TLSv1.3;
    proxy_http_version 1.1; proxy_buffering off; proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_request_buffering off;
    location / {{
      {check}
      proxy_pass http://application;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $gatehouse_upgrade;
      proxy_set_header Connection $gatehouse_connection;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Proto https;
    }}
    {extra}
  }}
}}
"""
AUTH_REQUEST = """location = /_decide {
      internal; proxy_pass http://decider/decide; proxy_pass_request_body off;
      proxy_set_header Content-Length ""; proxy_set_header Connection "";
    }"""
HAPROXY = """
global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
  option http-keep-alive
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  http-request set-var(txn.token) req.cook(CF_Authorization)
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_header_query('$.alg') -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify("RS256","{key}") -m int 1 }}
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  default_backend application
backend application
  server application 127.0.0.1:{application}
"""
CADDY = """
{{
  admin off
  auto_https off
  servers {{
    protocols h1
  }}
}}
http://{host}:{port} {{
  bind 127.0.0.1
  forward_auth 127.0.0.1:{application} {{
    uri /decide
  }}
  reverse_proxy 127.0.0.1:{application} {{
    transport http {{
      keepalive_idle_conns_per_host 512
      keepalive_idle_conns 512
    }}
  }}
}}
"""
APACHE = """
ServerRoot {run}
PidFile {run}/apache.pid
Listen 127.0.0.1:{port}
ServerName {host}
User {user}
Group {group}
LoadModule mpm_worker_module {modules}/mod_mpm_worker.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
ErrorLog {run}/apache.log
StartServers 1
ServerLimit 1
ThreadsPerChild 128
MaxRequestWorkers 128
MaxKeepAliveRequests 0
KeepAliveTimeout 300
OIDCCryptoPassphrase bench
OIDCOAuthVerifyCertFiles {kid}#{key}
OIDCOAuthAcceptTokenAs cookie:CF_Authorization
OIDCOAuthRemoteUserClaim sub
<Location />
  AuthType oauth20
  Require valid-user
  ProxyPass http://127.0.0.1:{application}/ keepalive=On
</Location>
"""


def descendants(pid):
    found = [pid]
    for one in found:
        try:
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            pass
    return found


class Proxy:
    """`command` runs in the foreground; its processes and their children are what is measured."""

    def __init__(self, name, command, port, tls_port=None, log=None, env=None):
        self.name, self.port, self.tls_port, self.log = name, port, tls_port, log
        self.output = open(str(log) + ".out", "wb") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=self.output, stderr=self.output,
                                        env={**os.environ, **(env or {})})
        for _ in range(300):
            if self.process.poll() is not None:
                break
            if subprocess.run(["curl", "-s", "-o", "/dev/null", "-H", f"Host: {HOST}",
                               f"http://127.0.0.1:{self.port}/"]).returncode == 0:
                return
            time.sleep(0.05)
        said = pathlib.Path(str(log) + ".out").read_text() if log else ""
        sys.exit(f"{name} does not answer: {said} {log.read_text() if log and log.exists() else ''}")

    @property
    def worker(self):
        return descendants(self.process.pid)[-1]

    def cpu_seconds(self):
        """On-CPU time of all threads, to the nanosecond (schedstat), not to the tick."""
        total = 0
        for pid in descendants(self.process.pid):
            try:
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def rss_bytes(self, pid=None):
        for line in pathlib.Path(f"/proc/{pid or self.worker}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bench:
    """A run: its folder, ports, tokens and servers."""

    def __init__(self, binaries, run):
        self.binaries, self.run = binaries, run
        self.module = binaries.parent / "modules" / "ngx_http_gatehouse_module.so"
        self.servers = []
        self.ports = iter(range(18300, 18400))
        self.key = run / "public.pem"
        self.tokens = self.make_state("state", SESSIONS, SESSIONS)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", run / "server.key", "-out",
                        run / "server.crt", "-days", "2", "-subj", f"/CN={HOST}"], check=True, capture_output=True)

    def make_state(self, name, sessions, tokens):
        directory = self.run / name
        made = subprocess.run([self.binaries / "bench_state", "make", directory, HOST, str(sessions), str(tokens), self.key],
                              capture_output=True, text=True, check=True).stdout.split()
        for path in directory.iterdir():
            path.chmod(0o666)
        directory.chmod(0o777)
        return made

    def _keep(self, proxy):
        self.servers.append(proxy)
        return proxy

    def _refuses(self, proxy):
        """A server that is to check must refuse no token, and one whose signature is wrong."""
        head, body, signature = self.tokens[0].split(".")
        wrong = f"{head}.{body}.{signature[:40]}{'A' * 20}{signature[60:]}"
        for cookie in ("", f"CF_Authorization={wrong}"):
            code = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {HOST}", "-H",
                                   f"Cookie: {cookie}", f"http://127.0.0.1:{proxy.port}/"], capture_output=True,
                                  text=True).stdout
            if code != "401":
                sys.exit(f"{proxy.name} let a bad request through: {code}")
        return proxy

    def nginx(self, name, **parts):
        port, tls_port = next(self.ports), next(self.ports)
        values = {"module": "", "state": "", "check": "", "extra": "", **parts}
        path = self.run / f"{name}.conf"
        path.write_text(NGINX.format(run=self.run, name=name, port=port, tls_port=tls_port, host=HOST,
                                     application=APPLICATION_PORT, **values))
        log = self.run / f"{name}.log"
        return self._keep(Proxy(name, ["/usr/sbin/nginx", "-p", str(self.run), "-c", str(path), "-e", str(log)],
                                port, tls_port, log))

    def plain(self):
        return self.nginx("plain")

    def checked(self, name="checked", state="state"):
        made = self.nginx(name, module=f"load_module {self.module};",
                          state=f"gatehouse_state_directory {self.run}/{state};", check="gatehouse on;")
        return self._refuses(made)

    def auth_request(self):
        return self.nginx("auth_request", check="auth_request /_decide;", extra=AUTH_REQUEST)

    def haproxy(self):
        port, path = next(self.ports), self.run / "haproxy.cfg"
        path.write_text(HAPROXY.format(port=port, key=self.key, application=APPLICATION_PORT))
        return self._refuses(self._keep(Proxy("haproxy_jwt_verify", ["/usr/sbin/haproxy", "-db", "-f", str(path)], port,
                                              log=self.run / "haproxy.log")))

    def caddy(self):
        port, path = next(self.ports), self.run / "Caddyfile"
        path.write_text(CADDY.format(port=port, host=HOST, application=APPLICATION_PORT))
        return self._keep(Proxy("caddy_forward_auth", ["/usr/bin/caddy", "run", "--config", str(path)], port,
                                log=self.run / "caddy.log",
                                env={"GOMAXPROCS": "1", "XDG_DATA_HOME": str(self.run), "XDG_CONFIG_HOME": str(self.run),
                                     "HOME": str(self.run)}))

    def apache(self):
        port, path = next(self.ports), self.run / "apache.conf"
        header = self.tokens[0].split(".")[0]
        kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
        path.write_text(APACHE.format(run=self.run, port=port, host=HOST, key=self.key, kid=kid, user="www-data",
                                      group="www-data", modules="/usr/lib/apache2/modules", application=APPLICATION_PORT))
        return self._refuses(self._keep(Proxy("apache_mod_auth_openidc", ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(path)],
                                              port, log=self.run / "apache.log")))

    def load(self, server, seconds, *words, tokens=None):
        """Throughput (requests/s), CPU (us a request), latencies (us) of one burst."""
        before = server.cpu_seconds()
        out = subprocess.run(
            ["taskset", "-c", "1", self.binaries / "bench_load",
             str(server.tls_port if "tls" in words else server.port), HOST, str(CONNECTIONS), str(seconds),
             str(APPLICATION_PORT), *words],
            input="\n".join(self.tokens if tokens is None else tokens), capture_output=True, text=True)
        if out.returncode != 0:
            sys.exit(f"{server.name}: {out.stderr}")
        cpu = server.cpu_seconds() - before
        result = json.loads(out.stdout)
        return {"throughput": result["requests"] / result["seconds"], "cpu": cpu * 1e6 / result["requests"],
                "busy": cpu / result["seconds"], "p50": result["p50_us"], "p99": result["p99_us"]}

    def stop(self):
        for server in reversed(self.servers):
            server.stop()
