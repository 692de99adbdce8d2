import Base

/// How the contents of two versions of a file differ.
public struct ContentDiff: Hashable, Sendable {
    /// What could be said beyond the sizes.
    public enum Detail: Hashable, Sendable {
        case table(TableDiff)
        /// Lines of a text or of a JSON document laid out a value a line.
        case lines(RowChanges)
        case tensors(TensorDiff)
        case array(old: NPYHeader, new: NPYHeader)
        case members(MemberDiff)
        case none
    }

    public var kind: ContentKind
    public var oldSize: Int64
    public var newSize: Int64
    /// Bytes of the new version in chunks that the old one has too; nil when that is not known.
    public var sharedBytes: Int64?
    public var detail: Detail

    /// Compares two contents. A file that is not what it claims to be is compared as text or as bytes, never an error.
    ///
    /// - Parameters:
    ///   - path: whose ending names the kind.
    ///   - sharedBytes: asked only where nothing better can be said.
    /// - Throws: errors of reading the sources.
    public init(
        path: String, old: ContentSource, new: ContentSource, sharedBytes: () throws -> Int64? = { nil }
    ) throws {
        oldSize = old.size
        newSize = new.size
        var kind = ContentKind.common(
            try ContentKind.detect(path: path, head: old.read(at: 0, length: ContentKind.headLength), size: old.size),
            try ContentKind.detect(path: path, head: new.read(at: 0, length: ContentKind.headLength), size: new.size))
        while true {
            do {
                detail = try ContentDiff.compare(kind, old, new)
                break
            } catch is NotReadable {
                // A broken table or document is still a text; what is no text either is just bytes.
                kind = kind.isTable || kind == .json ? .text : .binary
            }
        }
        self.kind = kind
        switch detail {
        case .none, .array, .members: self.sharedBytes = try sharedBytes()
        case .table, .lines, .tensors: break
        }
    }

    private static func compare(_ kind: ContentKind, _ old: ContentSource, _ new: ContentSource) throws -> Detail {
        switch kind {
        case .tsv, .csv: .table(try TableDiff(delimited: old, new, kind))
        case .jsonLines: .table(try TableDiff(jsonLines: old, new))
        case .json: .lines(try LineDiff.compareJSON(old, new))
        case .text: .lines(try LineDiff.compare(old, new))
        case .safetensors: .tensors(try TensorDiff(old, new))
        case .npy: .array(old: try NPYHeader(old), new: try NPYHeader(new))
        case .zip: .members(try MemberDiff(old, new))
        case .binary: .none
        }
    }
}
