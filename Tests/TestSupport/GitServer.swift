import Base
import Glibc

/// `git http-backend` behind lighttpd on the loopback: serves the repositories of a sandbox.
public final class GitServer: Sendable {
    public let url: String
    private let process: String
    private let box: Sandbox

    /// Whether this machine has what it takes.
    public static let isInstalled = Files.exists("/usr/sbin/lighttpd")

    public init(_ box: Sandbox) throws {
        self.box = box
        let port = Ports.free()
        let backend = try box.run("git --exec-path").output.prefix { $0 != "\n" } + "/git-http-backend"
        try box.write(
            """
            server.document-root = "\(box.root)"
            server.port = \(port)
            server.bind = "127.0.0.1"
            server.modules = ( "mod_alias", "mod_setenv", "mod_cgi" )
            server.errorlog = "\(box.root)/lighttpd.log"
            server.upload-dirs = ( "\(box.root)" )
            alias.url = ( "/git" => "\(backend)" )
            cgi.assign = ( "" => "" )
            setenv.set-environment = ( "GIT_PROJECT_ROOT" => "\(box.root)", "GIT_HTTP_EXPORT_ALL" => "1",
                "GIT_CONFIG_COUNT" => "2", "GIT_CONFIG_KEY_0" => "http.receivepack", "GIT_CONFIG_VALUE_0" => "true",
                "GIT_CONFIG_KEY_1" => "safe.directory", "GIT_CONFIG_VALUE_1" => "*" )

            """, to: "lighttpd.conf")
        process = try box.run("/usr/sbin/lighttpd -D -f lighttpd.conf >/dev/null 2>&1 & echo $!").output
        url = "http://127.0.0.1:\(port)/git"
        for _ in 0..<1_500 {
            if try box.attempt("curl -s -o /dev/null -m 2 \(url)/").status == 0 { return }
            usleep(20_000)
        }
        throw MLError(.failed, "lighttpd did not start: \((try? box.text("lighttpd.log")) ?? "")")
    }

    deinit { _ = try? box.attempt("kill \(process)") }
}
