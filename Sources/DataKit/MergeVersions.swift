import Base
import ObjectStore

/// The three versions git hands to a merge driver: pointers, or plain content where a side does not track the file.
public struct MergeVersions: Sendable {
    /// One of them.
    public struct Version: Sendable {
        /// Nil for plain content.
        public var pointer: Pointer?
        /// What the file git made holds.
        public var bytes: [UInt8]

        /// The length of the content.
        public var size: Int64 { pointer?.size ?? Int64(bytes.count) }
        var isTransformed: Bool { pointer?.extensions.isEmpty == false }
    }

    public var base: Version
    public var ours: Version
    public var theirs: Version
    private let data: DataRepository
    private let store: ObjectStore

    /// - Parameters: files; that of the base is empty when both sides added the file.
    public init(_ data: DataRepository, base: String, ours: String, theirs: String) throws {
        func version(_ path: String) throws -> Version {
            let bytes = try Files.read(path)
            return Version(pointer: bytes.count < Pointer.sizeLimit ? Pointer.parse(bytes) : nil, bytes: bytes)
        }
        self.data = data
        store = try data.openStore()
        self.base = try version(base)
        self.ours = try version(ours)
        self.theirs = try version(theirs)
    }

    private var all: [Version] { [base, ours, theirs] }

    /// Whether content passes a test as far as it is here: asked before anything is fetched.
    public func isAnyLocal(head length: Int, _ test: ([UInt8]) -> Bool) throws -> Bool {
        try all.contains { version in
            guard let pointer = version.pointer else { return test(Array(version.bytes.prefix(length))) }
            guard pointer.size > 0, try store.contains(pointer.oid) else { return false }
            return test(try store.readRange(pointer.oid, offset: 0, length: length))
        }
    }

    /// The contents, fetched where they are not here.
    ///
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`.
    public func contents(_ progress: any ProgressReporter) throws -> (base: [UInt8], ours: [UInt8], theirs: [UInt8]) {
        if all.contains(where: \.isTransformed) {
            throw MLError(.invalidInput, "a side needs Git LFS extensions, unknown here")
        }
        let pointers = all.compactMap(\.pointer).filter { $0.size > 0 }
        try Downloader(data).require(pointers, progress: progress)
        func content(_ version: Version) throws -> [UInt8] {
            guard let pointer = version.pointer else { return version.bytes }
            return pointer.size == 0 ? [] : try store.read(pointer.oid)
        }
        return (try content(base), try content(ours), try content(theirs))
    }

    /// Stores the result of a merge and writes what git shall keep for it: a pointer, unless no side has one.
    public func keep(_ result: [UInt8], in path: String) throws {
        guard !result.isEmpty, all.contains(where: { $0.pointer != nil }) else {
            return try data.repository.writeWorkTreeFile(result, to: path)
        }
        let writer = try store.makeWriter()
        let pointer = try writer.add(result).pointer
        // The content is safe before anything names it.
        try writer.finish()
        try data.repository.writeWorkTreeFile(pointer.encoded, to: path)
    }
}
