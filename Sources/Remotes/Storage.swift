import Base

/// A place that keeps named byte strings: the five verbs every remote offers. What lies on it (packs and their
/// indexes) is `PackRemote`'s business; a storage knows nothing of it.
///
/// Keys are relative paths with `/`, such as `packs/ab12….pack`.
public protocol Storage: Sendable {
    /// What to call it in messages; never with credentials.
    var name: String { get }

    /// Stores local files under their keys, in order. A key that exists is left as it is; a reader never sees a part.
    func put(_ items: [StorageItem]) throws

    /// The bytes of a key, or a part of them.
    ///
    /// - Throws: `MLError(.notFound)` when there is no such key.
    func get(_ key: String, range: Range<Int64>?) throws -> [UInt8]

    /// The size of a key's bytes; nil when there is no such key.
    func size(of key: String) throws -> Int64?

    /// All keys under a prefix.
    func list(_ prefix: String) throws -> [String]

    /// Removes a key; one that is not there is not an error.
    func delete(_ key: String) throws

    /// Says which keys will be read soon, for storages where one round trip for many is cheaper.
    func prepare(_ keys: [String]) throws

    /// How many transfers at once still gain something.
    var usefulTransfers: Int { get }

    /// Drops temporary files of this storage.
    func close()
}

extension Storage {
    public func prepare(_ keys: [String]) throws {}
    public func close() {}
    public var usefulTransfers: Int { 64 }
}

/// A local file and the key it goes to.
public struct StorageItem: Hashable, Sendable {
    public var key: String
    public var file: String
    /// The file's SHA-256 where it is known, which spares reading it once more.
    public var digest: ObjectID?

    public init(key: String, file: String, digest: ObjectID? = nil) {
        self.key = key
        self.file = file
        self.digest = digest
    }
}
