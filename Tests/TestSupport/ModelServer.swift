import Base
import Glibc

/// `git mlrun serve` in a sandbox for one test; it ends with the value.
public final class ModelServer: Sendable {
    public let url: String
    public let port: Int
    /// What it says on standard error, below the sandbox.
    public let log: String
    private let box: Sandbox
    public let process: String

    /// - Parameter options: after `git-mlrun serve`.
    public init(_ box: Sandbox, _ options: String, in folder: String = "repo") throws {
        self.box = box
        let name = "serve-\(UInt64.random(in: 0...UInt64.max))"
        log = name + ".err"
        // Ends with the test's process, whatever becomes of that.
        process = try box.run(
            """
            git-mlrun serve --json --port 0 \(options) >'\(box.root)/\(name).out' 2>'\(box.root)/\(log)' & server=$!
            (while kill -0 \(getpid()) && kill -0 $server; do sleep 1; done; kill -9 $server) >/dev/null 2>&1 &
            echo $server
            """, in: folder
        ).output.filter { $0 != "\n" }
        var line = ""
        for _ in 0..<1200 {
            line = (try? box.text(name + ".out")) ?? ""
            if line.hasSuffix("\n") { break }
            guard try box.attempt("kill -0 \(process)").status == 0 else { break }
            usleep(25_000)
        }
        guard line.hasSuffix("\n"), let url = try JSON(parsing: line)["url"]?.stringValue,
            let port = Int(url.split(separator: ":").last ?? "")
        else { throw MLError(.failed, "the server did not start: \((try? box.text(log)) ?? "")") }
        self.url = url
        self.port = port
    }

    /// What curl prints.
    public func curl(_ arguments: String, _ path: String) throws -> String {
        try box.attempt("curl -s -g -m 20 \(arguments) '\(url)\(path)'").output
    }

    /// Status and body.
    public func ask(_ arguments: String, _ path: String) throws -> (status: Int, body: JSON) {
        let text = try curl("-w '\\n%{http_code}' " + arguments, path)
        let end = text.lastIndex(of: "\n") ?? text.startIndex
        return (Int(text[end...].filter { $0 != "\n" }) ?? 0, (try? JSON(parsing: String(text[..<end]))) ?? .null)
    }

    /// What it says of itself to those beside it.
    public func state(in folder: String = "repo") throws -> JSON {
        try JSON(parsing: box.text("\(folder)/.git/mlrun/serving/\(process).json"))
    }

    /// Waits, for a minute at most, until it says so.
    public func waits(in folder: String = "repo", until holds: (JSON) -> Bool) throws -> Bool {
        for _ in 0..<600 {
            if let state = try? state(in: folder), holds(state) { return true }
            usleep(100_000)
        }
        return false
    }

    public func signal(_ name: String) throws { _ = try box.attempt("kill -\(name) \(process)") }

    /// Whether it ends within a minute.
    public func ends() throws -> Bool {
        for _ in 0..<600 {
            if try box.attempt("kill -0 \(process)").status != 0 { return true }
            usleep(100_000)
        }
        return false
    }

    deinit { _ = try? box.attempt("kill -9 \(process)") }
}
