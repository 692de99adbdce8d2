import Base

/// A real round trip over a storage that says which verb fails.
public enum RemoteProbe {
    public struct Step: Sendable {
        public var name: String
        /// What went wrong; nil when it worked.
        public var failure: String?
    }

    /// Puts, sizes, reads, lists and deletes one small key; stops at the first verb that fails.
    public static func run(_ storage: any Storage, temporary: String) throws -> [Step] {
        try Files.makeDirectories(temporary)
        let file = Files.temporaryName(beside: temporary + "/x")
        let content = Array("git-ml remote test\n".utf8)
        try Files.writeAtomically(content, to: file)
        defer { try? Files.remove(file) }
        let key = "test/" + Files.lastComponent(of: file).dropFirst()
        let verbs: [(String, () throws -> Bool)] = [
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
        for (name, verb) in verbs {
            do {
                steps.append(Step(name: name, failure: try verb() ? nil : "the answer is not what was written"))
            } catch {
                steps.append(Step(name: name, failure: String(describing: error)))
            }
            if steps.last?.failure != nil { break }
        }
        return steps
    }
}
