import Base
import Glibc
import ObjectStore
import Testing

/// A repository of its own with the built filter in a folder `bin`, beside a stand-in for `git-mldata`.
final class Sandbox {
    let path: String
    var repository: String { path + "/repo" }
    var filter: String { path + "/bin/git-mldata-filter" }
    var log: String { (try? Files.readText(path + "/log")) ?? "" }

    /// - Parameter child: what the stand-in does, as a shell script; `$1` is its command, `$LOG` a file to write to.
    init(git: Bool = true, child: String = "cat >/dev/null") throws {
        var template = Array("/tmp/gitml-filter-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        try Files.makeDirectories(path + "/bin")
        let own = try #require(realpath("/proc/self/exe", nil).map { String(cString: $0) })
        let built = Files.parent(of: own) + "/git-mldata-filter"
        try #require(Files.exists(built), "build the product git-mldata-filter first")
        if link(built, filter) != 0 { try Files.writeAtomically(Files.read(built), to: filter, mode: 0o755) }
        try setChild(child)
        guard git else { return }
        try self.git("init", "-q", repository, in: path)
        for (key, value) in [
            ("process", "\(filter) filter-process"), ("clean", "\(filter) clean %f"), ("smudge", "\(filter) smudge %f"),
            ("required", "true"),
        ] { try self.git("config", "filter.mldata.\(key)", value) }
        try write("*.bin filter=mldata -text\n", to: ".gitattributes")
    }

    deinit { try? Files.remove(path) }

    func setChild(_ script: String) throws {
        try Files.writeAtomically(
            "#!/bin/sh\nLOG='\(path)/log'\n\(script)\n", to: path + "/bin/git-mldata", mode: 0o755)
    }

    func store() throws -> ObjectStore { try ObjectStore(root: repository + "/.git/mldata") }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Files.makeDirectories(Files.parent(of: repository + "/" + name))
        try Files.writeAtomically(bytes, to: repository + "/" + name)
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func read(_ name: String) throws -> [UInt8] { try Files.read(repository + "/" + name) }

    func setting(_ key: String, _ value: String) throws { try git("config", "mldata." + key, value) }

    static let environment: [String: String?] = [
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_DIR": nil, "GIT_INDEX_FILE": nil,
        "GIT_WORK_TREE": nil, "GIT_PREFIX": nil, "GIT_MLDATA_SKIP_SMUDGE": nil, "LC_ALL": "C",
    ]

    /// Runs git; a status other than 0 is a failure of the test unless `mayFail`.
    @discardableResult
    func git(
        _ arguments: String..., in directory: String? = nil, environment: [String: String?] = [:], mayFail: Bool = false
    ) throws -> Subprocess.Result {
        let merged = Sandbox.environment.merging(environment) { $1 }
        let result = try Subprocess(["git"] + arguments, directory: directory ?? repository, environment: merged).run()
        if !mayFail { try #require(result.status == 0, "git \(arguments): \(result.errorText)") }
        return result
    }

    /// Runs the filter with all of git's side of a conversation.
    func converse(_ input: [UInt8], environment: [String: String?] = [:]) throws -> Subprocess.Result {
        try Subprocess(
            [filter, "filter-process"], directory: repository,
            environment: Sandbox.environment.merging(environment) { $1 },
            input: input
        ).run()
    }
}

/// Git's side of the protocol as bytes.
enum Say {
    static let hello =
        list("git-filter-client", "version=2") + list("capability=clean", "capability=smudge", "capability=delay")

    static func list(_ lines: String...) -> [UInt8] {
        lines.flatMap { PktLine.encode(line: $0) } + PktLine.encode(nil)
    }

    static func content(_ bytes: [UInt8], step: Int = PktLine.maximumPayload) -> [UInt8] {
        stride(from: 0, to: bytes.count, by: step).flatMap { start in
            PktLine.encode(Array(bytes[start..<min(start + step, bytes.count)]))
        } + PktLine.encode(nil)
    }

    static func clean(_ path: String, _ bytes: [UInt8], step: Int = PktLine.maximumPayload) -> [UInt8] {
        list("command=clean", "pathname=\(path)") + content(bytes, step: step)
    }

    static func smudge(_ path: String, _ bytes: [UInt8], delay: Bool = false) -> [UInt8] {
        (delay
            ? list("command=smudge", "pathname=\(path)", "ref=refs/heads/main", "unknown=a=b", "can-delay=1")
            : list("command=smudge", "pathname=\(path)", "treeish=12", "blob=1234")) + content(bytes)
    }

    /// As `git diff` asks before it runs textconv.
    static func look(_ path: String, _ bytes: [UInt8]) -> [UInt8] {
        list("command=smudge", "pathname=\(path)", "blob=1234") + content(bytes)
    }
}

/// The filter's side, cut into lists: each the payloads up to a flush.
func lists(_ bytes: [UInt8]) throws -> [[[UInt8]]] {
    var out: [[[UInt8]]] = []
    var current: [[UInt8]] = []
    var position = 0
    while position + 4 <= bytes.count {
        let size = try PktLine.payloadSize(Array(bytes[position..<position + 4]))
        position += 4
        if let size {
            current.append(Array(bytes[position..<position + size]))
            position += size
        } else {
            out.append(current)
            current = []
        }
    }
    #expect(current.isEmpty && position == bytes.count, "the answer ends with a flush")
    return out
}

func text(_ list: [[UInt8]]) -> String { list.map { String(decoding: $0, as: UTF8.self) }.joined() }

func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed, purpose: "test bytes")
    var out: [UInt8] = []
    while out.count < count { withUnsafeBytes(of: random.next()) { out += $0 } }
    return Array(out.prefix(count))
}

func pointer(to bytes: [UInt8]) -> Pointer { Pointer(oid: ObjectID.of(bytes), size: Int64(bytes.count)) }
