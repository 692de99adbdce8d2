/// The header of a `.npy` file: what is in the array, not its values (NumPy: NEP 1, `numpy.lib.format`).
public struct NPYHeader: Hashable, Sendable {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// NumPy's spelling, such as `<f4`.
    public var dtype: String
    public var shape: [Int]
    public var isFortranOrder: Bool

    /// - Throws: `NotReadable` when the content is no such file.
    init(_ source: ContentSource) throws {
        let start = try source.read(at: 0, length: 12)
        guard start.count >= 10, start.starts(with: NPYHeader.magic) else { throw NotReadable("it is no .npy file") }
        // Version 1 has two bytes of length, later ones four.
        let width = start[6] == 1 ? 2 : 4
        guard start.count >= 8 + width else { throw NotReadable("it is no .npy file") }
        let length = start[8..<8 + width].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= 1 << 20 else { throw NotReadable("its header is too long") }
        let text = String(decoding: try source.read(at: Int64(8 + width), length: length), as: UTF8.self)
        guard let descr = NPYHeader.value(of: "descr", in: text),
            let order = NPYHeader.value(of: "fortran_order", in: text),
            let tuple = NPYHeader.value(of: "shape", in: text), tuple.hasPrefix("(")
        else { throw NotReadable("its header is not understood") }
        dtype =
            descr.hasPrefix("'") || descr.hasPrefix("\"")
            ? String(descr.dropFirst().prefix { $0 != "'" && $0 != "\"" }) : descr
        isFortranOrder = order.hasPrefix("True")
        let inner = tuple.dropFirst().prefix { $0 != ")" }
        shape = try inner.split(separator: ",").map { part in
            let word = part.filter { $0 != " " }
            guard let side = Int(word) else { throw NotReadable("its shape is not understood") }
            return side
        }
    }

    public var description: String { "\(dtype) \(shape)" + (isFortranOrder ? " (column by column)" : "") }

    /// What stands behind `'key':` in the dictionary; a structured type is given up to the next key.
    private static func value(of key: String, in text: String) -> String? {
        let parts = text.split(separator: "'\(key)':", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let rest = parts[1].drop { $0 == " " }
        if rest.hasPrefix("[") { return String(rest.prefix { $0 != "]" }) + "]" }
        return String(rest)
    }
}
