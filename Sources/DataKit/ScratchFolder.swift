import Base
import Glibc

/// A folder in the Git folder for work tree files in the making, where a killed process leaves nothing that git would
/// show.
public struct ScratchFolder: Sendable {
    private let path: String

    /// Makes the folder and removes what killed processes left in it.
    public init(_ path: String) throws {
        self.path = path
        try Files.makeDirectories(path)
        for name in try Files.list(path) {
            guard let owner = name.split(separator: "-").dropFirst().first.flatMap({ pid_t($0) }), kill(owner, 0) != 0
            else { continue }
            try Files.remove(path + "/" + name)
        }
    }

    /// A name in the folder; beside the target only when that is on another file system, where a rename cannot reach.
    public func temporaryName(for target: String) -> String {
        let isNear = Files.status(path)?.device == Files.status(Files.parent(of: target))?.device
        return Files.temporaryName(beside: isNear ? path + "/x" : target)
    }
}
