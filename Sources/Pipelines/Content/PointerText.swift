import Base

/// Recognises a Git LFS pointer (specification v1) standing where content will be.
public enum PointerText {
    /// Pointers are shorter than this; a longer file is content.
    public static let maximumSize = 1024

    /// The id and size a pointer names; nil when the bytes are no pointer.
    public static func parse(_ bytes: [UInt8]) -> (id: ObjectID, size: Int64)? {
        guard bytes.count <= maximumSize, bytes.starts(with: "version https://git-lfs.github.com/spec/v1\n".utf8),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        var id: ObjectID?
        var size: Int64?
        for line in text.split(separator: "\n").dropFirst() {
            if line.hasPrefix("oid sha256:") {
                id = ObjectID(hex: line.dropFirst("oid sha256:".count))
            } else if line.hasPrefix("size ") {
                size = Int64(line.dropFirst("size ".count)).flatMap { $0 >= 0 ? $0 : nil }
            }
        }
        guard let id, let size else { return nil }
        return (id, size)
    }
}
