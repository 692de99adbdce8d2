import Base

extension Repository {
    /// The value of one attribute for each path, as git decides it from `.gitattributes` files and `info/attributes`.
    ///
    /// - Returns: only paths where the attribute has a value ("set" and "unset" are values too).
    public func attribute(_ name: String, of paths: [String]) throws -> [String: String] {
        if paths.isEmpty { return [:] }
        let input: [UInt8] = paths.flatMap { path -> [UInt8] in Array(path.utf8) + [0] }
        let fields = try git.run(["check-attr", "--stdin", "-z", name], input: input).output
            .split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        var result: [String: String] = [:]
        for start in stride(from: 0, to: fields.count - 2, by: 3) where fields[start + 2] != "unspecified" {
            result[fields[start]] = fields[start + 2]
        }
        return result
    }

    /// Where this work tree's index is.
    public var indexPath: String { gitDirectory + "/index" }
}
