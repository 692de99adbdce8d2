import Base
import GitKit
import ObjectStore
import Remotes

/// Which content is missing on which store.
public struct RemoteStatus: Sendable {
    /// One store, or this machine's own one.
    public struct Place: Sendable {
        /// Nil for the local store.
        public var name: String?
        public var url: String
        /// What it is used for: "local", "default", "copy", "for origin", "".
        public var role: String
        public var missing: [PointerFile] = []
        public var missingBytes: Int64 { missing.reduce(0) { $0 + $1.pointer.size } }
        /// Why it could not be asked.
        public var failure: MLError?
    }

    public var files: Int
    public var bytes: Int64
    public var places: [Place]

    /// Asks the local store and each remote store for files.
    public init(_ files: [PointerFile], _ data: DataRepository) throws {
        var seen: Set<ObjectID> = []
        let files = files.filter { seen.insert($0.pointer.oid).inserted }
        self.files = files.count
        bytes = files.reduce(0) { $0 + $1.pointer.size }
        let pointers = files.map(\.pointer)
        var local = Place(name: nil, url: data.storeDirectory, role: "local")
        let absent = Set(try data.openStore().lacking(pointers.map(\.oid)))
        local.missing = files.filter { absent.contains($0.pointer.oid) }
        places = [local]
        let primary = try data.primaryRemote(gitRemote: nil)
        var candidates = try data.remoteSettings().map { setting -> (Place, () throws -> (any ContentRemote)?) in
            var role = setting.gitRemotes.isEmpty ? "" : "for " + setting.gitRemotes.joined(separator: ", ")
            if setting.name == primary?.name { role = "default" } else if setting.isMirror { role = "copy" }
            return (
                Place(name: setting.name, url: setting.url, role: role), { try data.open(setting, gitRemote: nil) }
            )
        }
        if primary == nil, let git = try data.defaultGitRemote() {
            candidates.insert(
                (Place(name: git, url: "git::\(git)", role: "default"), { try data.openRemote(gitRemote: git) }), at: 0)
        }
        for (place, open) in candidates {
            var place = place
            do {
                let lacking = Set(try open()?.lacking(pointers) ?? [])
                place.missing = files.filter { lacking.contains($0.pointer.oid) }
            } catch let error as MLError {
                place.failure = error
            }
            places.append(place)
        }
    }

    /// Whether every store has everything.
    public var isComplete: Bool { places.dropFirst().allSatisfy { $0.missing.isEmpty && $0.failure == nil } }
}
