import Base
import Glibc

/// A folder of its own for one test, with an empty home and the built programs on PATH. Everything goes through real
/// `git` and the real programs, as a user's shell would run them.
public final class Sandbox: Sendable {
    public let root: String

    /// What a command left behind.
    public struct Outcome: Sendable {
        public var status: Int32
        public var output: String
        public var errors: String
        public var bytes: [UInt8]
        /// The first line on standard error.
        public var firstError: String { errors.split(separator: "\n").first.map(String.init) ?? "" }
    }

    public init() throws {
        root = "/tmp/git-ml-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        try Files.makeDirectories(root + "/home")
        try run("git config --global user.name Tester && git config --global user.email t@example.com")
        try run("git config --global init.defaultBranch main && git config --global protocol.file.allow always")
        try run("git config --global advice.detachedHead false")
    }

    deinit { try? Files.remove(root) }

    /// The folder the programs were built into: that of this test program.
    public static let programs: String = {
        guard let own = realpath("/proc/self/exe", nil) else { return "." }
        defer { free(own) }
        var folder = Files.parent(of: String(cString: own))
        // The test runner may sit deeper than the products.
        while folder != "/" && !Files.exists(folder + "/git-mldata-filter") { folder = Files.parent(of: folder) }
        if folder != "/" { return folder }
        return Sandbox.package + "/.build/release"
    }()

    /// The top of the package.
    public static let package = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))

    private var variables: [String: String?] {
        var changes: [String: String?] = [
            "HOME": root + "/home", "PATH": Sandbox.programs + ":" + (getenv("PATH").map { String(cString: $0) } ?? ""),
            "GIT_CONFIG_NOSYSTEM": "1", "XDG_CONFIG_HOME": String?.none, "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
            "TERM": "dumb", "GIT_TERMINAL_PROMPT": "0", "COLUMNS": String?.none, "SHELL": "/bin/sh",
            "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
        ]
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] { changes[name] = String?.none }
        return changes
    }

    /// Runs a shell script in a folder below the root and expects it to succeed.
    @discardableResult
    public func run(_ script: String, in folder: String = "", input: [UInt8]? = nil) throws -> Outcome {
        let outcome = try attempt(script, in: folder, input: input)
        guard outcome.status == 0 else {
            throw MLError(.failed, "exit \(outcome.status) from: \(script)\n\(outcome.output)\(outcome.errors)")
        }
        return outcome
    }

    /// Runs a shell script whatever comes of it.
    public func attempt(
        _ script: String, in folder: String = "", input: [UInt8]? = nil, environment: [String: String?] = [:]
    ) throws -> Outcome {
        let result = try Subprocess(
            ["/bin/sh", "-c", script], directory: folder.isEmpty ? root : root + "/" + folder,
            environment: variables.merging(environment) { $1 }, input: input ?? []
        ).run()
        return Outcome(status: result.status, output: result.text, errors: result.errorText, bytes: result.output)
    }

    public func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    public func write(_ bytes: [UInt8], to path: String) throws {
        try Files.makeDirectories(Files.parent(of: root + "/" + path))
        try Files.writeAtomically(bytes, to: root + "/" + path)
    }

    public func read(_ path: String) throws -> [UInt8] { try Files.read(root + "/" + path) }

    public func text(_ path: String) throws -> String { String(decoding: try read(path), as: UTF8.self) }

    public func exists(_ path: String) -> Bool { Files.exists(root + "/" + path) }

    /// A repository with git-ml set up, tracking `data/**`, with a bare one beside it as `origin`.
    public func makeRepository(_ name: String = "repo") throws {
        try run(
            """
            git init -q --bare \(name).git && git init -q \(name) && cd \(name) &&
            git remote add origin "$PWD/../\(name).git" && git mldata install -q && git mldata track 'data/**' >/dev/null &&
            mkdir -p data && git add .gitattributes && git commit -q -m start
            """)
    }
}

/// Bytes that do not compress, the same for the same seed.
public func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed, purpose: "test bytes")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
    return Array(bytes.prefix(count))
}
