import Base

/// Which objects a server was last seen to have, in a local file, so that a status needs no network.
final class LFSMemory: @unchecked Sendable {
    private let path: String
    private let mutex = Mutex()
    private var loaded: Set<ObjectID>?

    /// - Parameter folder: where remotes keep local notes.
    init(_ server: String, folder: String) {
        path = folder + "/" + String(ObjectID.of("lfs " + server).hex.prefix(16)) + "/present"
    }

    func contains(_ id: ObjectID) throws -> Bool { try mutex.withLock { try load().contains(id) } }

    /// Notes what is there and what is not.
    func note(present: some Sequence<ObjectID>, absent: some Sequence<ObjectID>) throws {
        try mutex.withLock {
            let before = try load()
            let after = before.union(present).subtracting(absent)
            if after == before { return }
            try Files.makeDirectories(Files.parent(of: path))
            try Files.writeAtomically(after.sorted().flatMap(\.bytes), to: path)
            loaded = after
        }
    }

    private func load() throws -> Set<ObjectID> {
        if let loaded { return loaded }
        let bytes = Files.exists(path) ? try Files.read(path) : []
        let length = ObjectID.byteCount
        // It is a note only: what is damaged is forgotten.
        let found = Set(
            stride(from: 0, through: bytes.count - length, by: length).compactMap {
                ObjectID(bytes: bytes[$0..<$0 + length])
            })
        loaded = found
        return found
    }
}
