import Base
import ObjectStore

/// Which repositories share a store (`mldata.store`): each leaves its common Git folder in `<store>/users/`, so that a
/// collection started in one of them knows what the others need.
public struct StoreUsers: Sendable {
    private let folder: String
    private let repository: String

    public init(_ data: DataRepository) {
        folder = data.storeDirectory + "/users"
        repository = data.repository.commonDirectory
    }

    /// Paths of common Git folders, sorted.
    public var all: [String] {
        get throws {
            try Files.list(folder).sorted().map { name in
                let text = try Files.readText(folder + "/" + name)
                return text.hasSuffix("\n") ? String(text.dropLast()) : text
            }
        }
    }

    /// Enters this repository; nothing to do for one that has been entered.
    func register() throws {
        let path = folder + "/" + String(ObjectID.of(repository).hex.prefix(16))
        if Files.exists(path) { return }
        try Files.makeDirectories(folder)
        try Files.writeAtomically(repository + "\n", to: path)
    }
}
