import Base
import Glibc

/// A Git LFS server on the loopback for one test; it ends when the sandbox is gone.
public struct LFSServer: Sendable {
    public let url: String
    /// The file the server writes a line a request to.
    public let log: String
    private let box: Sandbox

    /// The stand-in of `Tests/Servers/lfs_server.py`.
    ///
    /// - Parameters:
    ///   - options: its options, such as `--fault cut=1`.
    ///   - folder: where it keeps objects, below the sandbox.
    public init(_ box: Sandbox, _ options: String = "", folder: String = "server") throws {
        try self.init(
            box, command: "exec python3 '\(Sandbox.package)/Tests/Servers/lfs_server.py' \(folder) \(options)")
    }

    /// Any server that prints its port first and ends with its folder (`Tests/Servers/lifetime.py`).
    ///
    /// - Parameter patience: seconds until it must have said its port.
    public init(_ box: Sandbox, command: String, patience: Int = 60) throws {
        self.box = box
        log = "server-\(UInt64.random(in: 0...UInt64.max)).log"
        let process = try box.run("export GITML_TEST_PID=\(getpid()); (\(command)) >\(log) 2>&1 & echo $!").output
            .prefix { $0 != "\n" }
        var port: Substring = ""
        for _ in 0..<patience * 40 {
            port = try box.text(log).prefix { $0 != "\n" }
            if Int(port) != nil { break }
            guard try box.attempt("kill -0 \(process)").status == 0 else { break }
            usleep(25_000)
        }
        guard Int(port) != nil else { throw MLError(.failed, "the server did not start: \(try box.text(log))") }
        url = "http://127.0.0.1:\(port)"
    }

    /// Requests so far: `METHOD PATH STATUS RANGE`, without the port.
    public func requests() throws -> [String] { try box.text(log).split(separator: "\n").dropFirst().map(String.init) }
}

extension Sandbox {
    /// A Python with a package: `GITML_PYTHON` if set, else `python3`; nil when it has not got it.
    public static func python(with module: String) -> String? {
        let name = getenv("GITML_PYTHON").map { String(cString: $0) } ?? "python3"
        let found = try? Subprocess([name, "-c", "import \(module)"]).run()
        return found?.status == 0 ? name : nil
    }
}
