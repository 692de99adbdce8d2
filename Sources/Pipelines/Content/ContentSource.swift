import Base

/// Where the content of paths is looked up: a work tree, or the tree of a commit.
///
/// Paths are relative to the top of the repository. A file that Git keeps as a pointer has the id and the size of the
/// content the pointer names, whether or not that content is at hand.
public protocol ContentSource: Sendable {
    /// The id of a file (`FolderID` for folders); nil when nothing is there.
    func id(of path: String) throws -> ObjectID?

    /// Bytes of a file, or of all files of a folder; nil when nothing is there.
    func size(of path: String) throws -> Int64?

    /// The content of a file; nil when it is not there.
    func read(_ path: String) throws -> [UInt8]?
}

/// The id of a folder: SHA-256 of a listing of all files below it.
///
/// The listing is the line `mlrun-folder 1`, then for each file, sorted by the bytes of its path, the path relative to
/// the folder, a zero byte, the mode (`100644`, `100755`, or `120000` for a symbolic link), a space, the 64 hex digits
/// of the content's SHA-256 and a line feed. The content of a symbolic link is its target. Folders have no line of
/// their own, so an empty folder is an empty listing.
public enum FolderID {
    /// One file below a folder.
    public struct Entry: Hashable, Sendable {
        /// Relative to the folder.
        public var path: String
        public var mode: Mode
        public var id: ObjectID

        public init(path: String, mode: Mode, id: ObjectID) {
            self.path = path
            self.mode = mode
            self.id = id
        }
    }

    /// Git's spelling of what a file is.
    public enum Mode: String, Sendable {
        case file = "100644"
        case executable = "100755"
        case link = "120000"
    }

    /// The folder's id, whatever the order of the entries.
    public static func of(_ entries: [Entry]) -> ObjectID { ObjectID.of(listing(entries)) }

    /// The listing. As its SHA-256 is the folder's id, a store can keep it under that id.
    public static func listing(_ entries: [Entry]) -> [UInt8] {
        var out = Array(header.utf8)
        for entry in entries.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            out += entry.path.utf8
            out.append(0)
            out += "\(entry.mode.rawValue) \(entry.id.hex)\n".utf8
        }
        return out
    }

    /// Reads a listing back; nil when the bytes are none.
    ///
    /// Paths that are empty, absolute, or contain `.`, `..` or `.git` as a part make a listing invalid.
    public static func parse(_ bytes: [UInt8]) -> [Entry]? {
        guard bytes.starts(with: header.utf8) else { return nil }
        var entries: [Entry] = []
        var rest = bytes[header.utf8.count...]
        while !rest.isEmpty {
            guard let zero = rest.firstIndex(of: 0), zero + 73 <= rest.endIndex, rest[zero + 72] == 10,
                let path = String(validating: rest[..<zero], as: UTF8.self),
                let mode = Mode(rawValue: String(decoding: rest[zero + 1..<zero + 7], as: UTF8.self)),
                rest[zero + 7] == 32,
                let id = ObjectID(hex: String(decoding: rest[zero + 8..<zero + 72], as: UTF8.self)),
                rest[..<zero].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                    .allSatisfy({ !["", ".", "..", ".git"].contains(String(decoding: $0, as: UTF8.self)) })
            else { return nil }
            entries.append(Entry(path: path, mode: mode, id: id))
            rest = rest[(zero + 73)...]
        }
        return entries
    }

    private static let header = "mlrun-folder 1\n"
}
