import Base
import GitKit

/// Makes new root trees of old ones.
protocol TreeEditor: AnyObject {
    /// The new tree for the root tree of a commit; the same id when nothing changes.
    func rewrite(root: GitID) throws -> GitID
}

/// Which files of a history are meant.
public struct FileSelection: Sendable {
    /// Only files longer than this many bytes.
    public var above: Int64?
    public var include: [AttributePattern]
    public var exclude: [AttributePattern]

    public init(above: Int64? = nil, include: [AttributePattern] = [], exclude: [AttributePattern] = []) {
        self.above = above
        self.include = include
        self.exclude = exclude
    }

    /// Whether the same tree gives the same result in every folder.
    var ignoresPaths: Bool { include.isEmpty && exclude.isEmpty }

    /// The position of the first pattern that takes the path, 0 without patterns; nil when it is not meant.
    func match(_ path: [UInt8]) -> Int? {
        if exclude.contains(where: { $0.matches(path) }) { return nil }
        return include.isEmpty ? 0 : include.firstIndex { $0.matches(path) }
    }
}

/// A tree in its place: the place only counts when patterns look at it.
struct PlacedTree: Hashable {
    var folder: [UInt8]
    var tree: GitID
}

/// One file of a history and all versions of it that are meant, by type.
public struct MigrationFile: Sendable {
    public var blob: GitID
    /// One of the paths it has.
    public var path: String
    public var size: Int64
}

func joinPath(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] { folder.isEmpty ? name : folder + [0x2F] + name }
