import Base
import Glibc

/// A real OpenSSH server on the loopback for one test, with a key of its own; it ends when the sandbox is gone.
public final class SSHServer: Sendable {
    public let port: Int
    /// What reaches it: for `GIT_SSH_COMMAND` or `core.sshCommand`.
    public let command: String
    public let log: String
    private let process: String
    private let box: Sandbox

    /// Whether this machine has one.
    public static let isInstalled = Files.exists("/usr/sbin/sshd")

    /// - Parameter options: lines for `sshd_config`.
    public init(_ box: Sandbox, options: [String] = []) throws {
        self.box = box
        let folder = box.root + "/ssh"
        log = folder + "/log"
        try box.run(
            """
            mkdir -p ssh /run/sshd && cd ssh && ssh-keygen -q -t ed25519 -N '' -f hk && ssh-keygen -q -t ed25519 -N '' -f id &&
            cp id.pub ak && chmod 600 ak
            """)
        var last: any Error = MLError(.failed, "sshd did not start")
        for _ in 0..<5 {
            let port = Ports.free()
            let lines =
                [
                    "Port \(port)", "ListenAddress 127.0.0.1", "HostKey \(folder)/hk", "PidFile \(folder)/pid",
                    "AuthorizedKeysFile \(folder)/ak", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
                    "PermitRootLogin prohibit-password", "AcceptEnv GIT_PROTOCOL", "MaxStartups 100",
                ] + (options.contains { $0.hasPrefix("Subsystem") } ? [] : ["Subsystem sftp internal-sftp"]) + options
            try box.write(lines.joined(separator: "\n") + "\n", to: "ssh/config")
            try box.run("printf '[127.0.0.1]:\(port) %s\\n' \"$(cut -d' ' -f1,2 ssh/hk.pub)\" > ssh/known_hosts")
            do {
                try box.run("/usr/sbin/sshd -f '\(folder)/config' -E '\(log)'")
            } catch {
                last = error
                continue
            }
            for _ in 0..<1_000 where !box.exists("ssh/pid") { usleep(10_000) }
            guard box.exists("ssh/pid") else { continue }
            self.port = port
            process = try box.text("ssh/pid")
            command =
                "ssh -F none -i \(folder)/id -o IdentitiesOnly=yes -o UserKnownHostsFile=\(folder)/known_hosts "
                + "-o BatchMode=yes"
            return
        }
        throw last
    }

    deinit { stop() }

    public func stop() { _ = try? box.attempt("kill \(process)") }

    /// A folder's URL.
    public func url(_ path: String, scheme: String = "ssh") -> String { "\(scheme)://root@127.0.0.1:\(port)\(path)" }
}
