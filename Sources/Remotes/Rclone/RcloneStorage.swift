import Base

/// Whatever rclone can reach, through the user's own `rclone` and its configuration.
///
/// One process a request: `rcat`, `cat`, `lsjson`, `deletefile`. Each brings its own retries and knows its own credentials.
public struct RcloneStorage: Storage {
    private let target: String

    /// - Parameter url: `rclone:REMOTE:path`, as `rclone` writes `REMOTE:path`.
    /// - Throws: `MLError(.invalidInput)`.
    public init(url: String) throws {
        var text = url.dropFirst("rclone:".count)
        while text.hasSuffix("/") { text.removeLast() }
        // `:backend:path` and `remote,option=…:path` are rclone's own; without a colon it would mean a local path.
        guard url.hasPrefix("rclone:"), text.dropFirst().contains(":"), !text.hasPrefix("-") else {
            throw MLError(
                .invalidInput, "'\(url)' names no rclone remote",
                hint: "write rclone:REMOTE:path; 'rclone listremotes' shows which there are")
        }
        target = String(text)
    }

    /// Options in a remote's name may be secrets.
    public var name: String {
        let remote = target.prefix { $0 != "," && $0 != ":" }
        return "rclone:" + (target.dropFirst().prefix { $0 != ":" }.contains(",") ? "\(remote),…" : target)
    }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try size(of: item.key) != nil { continue }
            // rclone writes under a temporary name, or the storage shows an object only when it is whole.
            try run(
                ["copyto", "--immutable", "--no-traverse", item.file, address(item.key)],
                "write '\(item.key)'")
            Line.passed(Int(Files.status(item.file)?.size ?? 0))
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        var arguments = ["cat"]
        if let range { arguments += ["--offset", "\(range.lowerBound)", "--count", "\(range.count)"] }
        let bytes = try run(arguments + [address(key)], "read '\(key)'").output
        Line.passed(bytes.count)
        if let range, bytes.count != range.count {
            guard try size(of: key) != nil else { throw MLError(.notFound, "\(name) has no '\(key)'") }
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(range.upperBound)")
        }
        // A file that is not there is read as nothing, and so is an empty one.
        if bytes.isEmpty, try size(of: key) == nil { throw MLError(.notFound, "\(name) has no '\(key)'") }
        return bytes
    }

    public func size(of key: String) throws -> Int64? {
        let folder = Files.parent(of: key)
        let last = Files.lastComponent(of: key)
        return try entries(folder == "." ? "" : folder, pattern: last).first { $0.name == last }?.size
    }

    public func list(_ prefix: String) throws -> [String] {
        let folder = Files.parent(of: prefix + "x")
        let inside = folder == "." ? "" : folder
        return try entries(inside, pattern: nil).map { inside.isEmpty ? $0.name : inside + "/" + $0.name }
            .filter { $0.hasPrefix(prefix) }.sorted()
    }

    public func delete(_ key: String) throws {
        if try size(of: key) == nil { return }
        try run(["deletefile", address(key)], "delete '\(key)'")
    }

    /// The files of one folder; none where there is no such folder.
    ///
    /// - Parameter pattern: only a file of this name, for storages where a whole listing is long.
    private func entries(_ folder: String, pattern: String?) throws -> [(name: String, size: Int64)] {
        var arguments = ["lsjson", "--files-only", "--no-modtime", "--no-mimetype"]
        if let pattern { arguments += ["--include", "/" + RcloneStorage.escaped(pattern)] }
        let answer = try start(arguments + [folder.isEmpty ? target : address(folder)])
        // rclone's codes: 3 is "directory not found", 4 "file not found".
        if answer.status == 3 || answer.status == 4 { return [] }
        try require(answer, "list '\(folder)'")
        guard let list = try JSON(parsing: answer.output).arrayValue else {
            throw MLError(.invalidInput, "rclone's listing of \(name) makes no sense")
        }
        return list.compactMap { entry in
            guard let name = entry["Name"]?.stringValue, let size = entry["Size"]?.intValue else { return nil }
            return (name, Int64(size))
        }
    }

    /// In a filter these characters stand for others.
    private static func escaped(_ name: String) -> String {
        name.map { "*?[]{}\\".contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    private func address(_ key: String) -> String { target.hasSuffix(":") ? target + key : target + "/" + key }

    @discardableResult
    private func run(_ arguments: [String], _ verb: String) throws -> Subprocess.Result {
        let answer = try start(arguments)
        if answer.status == 3 || answer.status == 4, verb.hasPrefix("read") {
            throw MLError(.notFound, "\(name): cannot \(verb): it is not there")
        }
        try require(answer, verb)
        return answer
    }

    private func start(_ arguments: [String]) throws -> Subprocess.Result {
        do {
            return try Subprocess(["rclone", "--log-level", "ERROR", "--ask-password=false"] + arguments, input: [])
                .run()
        } catch let error as MLError where error.code == .notFound {
            throw MLError(.notFound, "'rclone' is not installed or not on PATH", hint: "install it: https://rclone.org")
        }
    }

    private func require(_ answer: Subprocess.Result, _ verb: String) throws {
        if answer.status == 0 { return }
        let words = answer.errorText.split(separator: "\n").last.map(String.init) ?? ""
        // Date and level are of no interest here.
        let said = words.firstRange(of: " : ").map { String(words[$0.upperBound...]) } ?? words
        if words.firstRange(of: "didn't find section") != nil {
            throw MLError(
                .notFound, "rclone knows no remote '\(target.prefix { $0 != ":" })'",
                hint: "set it up with 'rclone config'; 'rclone listremotes' shows which there are")
        }
        // 5 is "may pass when tried again", 7 "fatal", after rclone's own retries.
        throw MLError(
            answer.status == 5 ? .io : .failed, "\(name): cannot \(verb)\(said.isEmpty ? "" : ": \(said)")",
            hint: "does 'rclone lsf \(name.dropFirst("rclone:".count))' work?")
    }
}
