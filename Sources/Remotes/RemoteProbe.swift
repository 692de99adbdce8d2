import Base

/// A real round trip over a storage that says which verb fails and what is missing.
public enum RemoteProbe {
    /// What whoever set the store up has to see to.
    public enum Lack: String, Sendable {
        /// The server cannot be reached.
        case connection
        /// Nobody proved who is asking, or the proof was refused.
        case credentials
        /// There is no such bucket, folder or repository.
        case place
        /// This user may not do it.
        case rights
        /// It answers what it must not.
        case sense
    }

    /// One verb that was tried.
    public struct Step: Sendable {
        public var name: String
        /// What went wrong; nil when it worked.
        public var failure: String?
        public var lack: Lack?
        public var hints: [String] = []

        public init(name: String, failure: String?, lack: Lack? = nil, hints: [String] = []) {
            self.name = name
            self.failure = failure
            self.lack = lack
            self.hints = hints
        }
    }

    /// Asks, puts, sizes, reads, lists and deletes one small key; stops at the first verb that fails and leaves nothing
    /// there.
    public static func run(_ storage: any Storage, temporary: String) throws -> [Step] {
        try Files.makeDirectories(temporary)
        let file = Files.temporaryName(beside: temporary + "/x")
        let content = Array("git-ml remote test\n".utf8)
        try Files.writeAtomically(content, to: file)
        defer { try? Files.remove(file) }
        let key = "test/" + Files.lastComponent(of: file).dropFirst()
        let verbs: [(name: String, body: () throws -> Bool)] = [
            (
                "connect",
                {
                    _ = try storage.list("test/"); return true
                }
            ),
            (
                "write",
                {
                    try storage.put([StorageItem(key: key, file: file)]); return true
                }
            ),
            ("size", { try storage.size(of: key) == Int64(content.count) }),
            ("read", { try storage.get(key, range: nil) == content }),
            ("read a range", { try storage.get(key, range: 7..<13) == Array(content[7..<13]) }),
            ("list", { try storage.list("test/").contains(key) }),
            (
                "delete",
                {
                    try storage.delete(key); return try storage.list("test/").contains(key) == false
                }
            ),
        ]
        var steps: [Step] = []
        for verb in verbs {
            steps.append(attempt(verb.name, verb.body))
            if steps.last?.failure != nil {
                if steps.count > 2 && verb.name != "delete" { try? storage.delete(key) }
                break
            }
        }
        return steps
    }

    /// One step; an error says what is missing.
    static func attempt(_ name: String, _ body: () throws -> Bool) -> Step {
        do {
            return try body()
                ? Step(name: name, failure: nil)
                : Step(name: name, failure: "the answer is not what was written", lack: .sense)
        } catch let error as MLError {
            return Step(name: name, failure: error.description, lack: lack(error, name), hints: error.hints)
        } catch {
            return Step(name: name, failure: String(describing: error), lack: .sense)
        }
    }

    /// Drivers say by the code of an error whether the place is missing (`notFound`), somebody said no (`failed`) or the line
    /// or the server broke (`io`).
    private static func lack(_ error: MLError, _ step: String) -> Lack {
        switch error.code {
        case .notFound: .place
        case .io: .connection
        case .failed: step == "connect" || error.message.hasPrefix("cannot talk") ? .credentials : .rights
        default: .sense
        }
    }
}
