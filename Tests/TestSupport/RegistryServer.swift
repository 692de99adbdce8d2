import Base
import Glibc

/// Debian's docker-registry on the loopback, in a sandbox for one test; it ends with the value.
public final class RegistryServer: Sendable {
    /// `127.0.0.1:PORT`.
    public let address: String
    private let box: Sandbox
    private let process: String

    public init(_ box: Sandbox) throws {
        self.box = box
        address = "127.0.0.1:\(Int.random(in: 20_000..<55_000))"
        try box.write(
            """
            version: 0.1
            storage: {filesystem: {rootdirectory: \(box.root)/registry}, delete: {enabled: true}}
            http: {addr: \(address)}
            """, to: "registry.yml")
        process = try box.run("docker-registry serve registry.yml >registry.log 2>&1 & echo $!").output
        for _ in 0..<600 {
            if try box.attempt("curl -s -f -o /dev/null -m 2 http://\(address)/v2/").status == 0 { return }
            usleep(50_000)
        }
        throw MLError(.failed, "docker-registry did not start: \((try? box.text("registry.log")) ?? "")")
    }

    deinit { _ = try? box.attempt("kill \(process)") }
}

extension Sandbox {
    /// Whether all these programs are on PATH; a test that needs them says so when it is skipped.
    public static func hasPrograms(_ programs: String...) -> Bool {
        programs.allSatisfy {
            (try? Subprocess(["/bin/sh", "-c", "command -v \($0)"], output: .discard).run().status) == 0
        }
    }

    /// A Python that has these modules, from `GITML_PYTHON`; nil when there is none.
    public static func python(with modules: String...) -> String? {
        guard let python = getenv("GITML_PYTHON").map({ String(cString: $0) }),
            let answer = try? Subprocess(
                [python, "-c", "import " + modules.joined(separator: ", ")], output: .discard, errors: .discard
            ).run(), answer.status == 0
        else { return nil }
        return python
    }
}
