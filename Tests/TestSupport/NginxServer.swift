import Base
import Glibc

/// nginx on the loopback with TLS: `/dav` (WebDAV), `/private` (name and password), `/certified` (client certificate),
/// `/plain` (no WebDAV, pages of folders). The authority's certificate is `ca.pem` in the sandbox.
public final class NginxServer: Sendable {
    /// `https://localhost:PORT`.
    public let url: String
    private let box: Sandbox

    private static let module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
    /// Whether this machine has what it takes.
    public static let isInstalled =
        Files.exists("/usr/sbin/nginx") && Files.exists(module)
        && (try? Subprocess(["openssl", "version"]).run().status) == 0

    public init(_ box: Sandbox) throws {
        self.box = box
        let port = Ports.free()
        url = "https://localhost:\(port)"
        try box.run(
            """
            mkdir -p www/dav www/private www/certified www/plain nginx-tmp && chmod -R 777 www nginx-tmp
            req() { openssl req -newkey rsa:2048 -nodes "$@" 2>/dev/null; }
            req -x509 -keyout ca.key -out ca.pem -days 2 -subj '/CN=test authority' &&
            req -keyout tls.key -out tls.csr -subj '/CN=localhost' &&
            echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > san &&
            openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tls.pem -days 2 -extfile san 2>/dev/null &&
            req -keyout client.key -out client.csr -subj '/CN=me' &&
            openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out client.pem -days 2 2>/dev/null &&
            printf 'me:%s\\n' "$(openssl passwd -apr1 pass)" > passwords
            """)
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path nginx-tmp/\($0);" }
        let dav = "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; client_max_body_size 0;"
        try box.write(
            """
            load_module \(NginxServer.module);
            daemon on; pid nginx.pid; error_log nginx-error.log;
            \(geteuid() == 0 ? "user root;" : "")
            events { worker_connections 64; }
            http {
                access_log nginx-access.log; \(places.joined(separator: " "))
                server {
                    listen 127.0.0.1:\(port) ssl http2; server_name localhost; root www;
                    ssl_certificate tls.pem; ssl_certificate_key tls.key;
                    ssl_client_certificate ca.pem; ssl_verify_client optional;
                    location /dav { \(dav) }
                    location /private { \(dav) auth_basic test; auth_basic_user_file passwords; }
                    location /certified { \(dav) if ($ssl_client_verify != SUCCESS) { return 403; } }
                    location /plain { autoindex on; }
                }
            }
            """, to: "nginx.conf")
        try box.run(
            "/usr/sbin/nginx -p '\(box.root)/' -c '\(box.root)/nginx.conf' -e '\(box.root)/nginx-error.log' >/dev/null 2>nginx-start.log || { cat nginx-start.log nginx-error.log; exit 1; }"
        )
    }

    deinit { _ = try? box.attempt("kill $(cat nginx.pid)") }
}
