import Base

extension Repository {
    /// The value of one attribute for each path, as git decides it from `.gitattributes` files and `info/attributes`.
    ///
    /// - Returns: only paths where the attribute has a value ("set" and "unset" are values too).
    public func attribute(_ name: String, of paths: [String]) throws -> [String: String] {
        if paths.isEmpty { return [:] }
        var input: [UInt8] = []
        for path in paths {
            input.append(contentsOf: path.pathBytes)
            input.append(0)
        }
        let output = try git.run(["check-attr", "--stdin", "-z", name], input: input).output
        var result: [String: String] = [:]
        result.reserveCapacity(paths.count)
        // Three fields a path, in the order of the paths: the path, the attribute's name, its value.
        var position = output.startIndex
        for path in paths {
            for _ in 0..<2 { position = (output[position...].firstIndex(of: 0) ?? output.endIndex - 1) + 1 }
            let end = output[position...].firstIndex(of: 0) ?? output.endIndex
            let value = String(decoding: output[position..<end], as: UTF8.self)
            if value != "unspecified" { result[path] = value }
            position = min(end + 1, output.endIndex)
        }
        return result
    }

    /// Where this work tree's index is.
    public var indexPath: String { gitDirectory + "/index" }
}
