import Base
import Glibc

/// Files in the making that killed processes left beside the store.
enum Leftovers {
    /// An hour without a change: another machine that shares the folder may still be at it.
    private static let age: Int64 = 3600

    /// Removes what `Files.temporaryName` named in a folder and nobody works on any more.
    static func sweep(_ folder: String) throws {
        let limit = Timestamp.now().seconds - age
        for name in try Files.list(folder) where name.hasPrefix(".tmp-") {
            let owner = name.dropFirst(".tmp-".count).prefix { $0 != "-" }
            guard let process = pid_t(owner), process > 0, kill(process, 0) != 0, errno == ESRCH,
                let status = Files.status(folder + "/" + name), status.modifiedSeconds < limit
            else { continue }
            try Files.remove(folder + "/" + name)
        }
    }
}
