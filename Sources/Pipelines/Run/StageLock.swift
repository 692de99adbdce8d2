import Base

/// Keeps two processes from running one stage in one work tree at the same time.
///
/// A lock is a file that is locked while the stage runs. The system drops it when the process ends, however it ends, so
/// nothing has to be cleaned up after a kill. Different stages do not wait for each other.
public final class StageLock: Sendable {
    private let file: FileHandle

    private init(_ file: FileHandle) { self.file = file }

    /// - Returns: nil while another process runs the stage.
    public static func take(_ address: String, in folder: String) throws -> StageLock? {
        try Files.makeDirectories(folder)
        let path = folder + "/" + ObjectID.of(address).hex.prefix(16)
        let file = try FileHandle(updating: path)
        return try file.lock(wait: false) ? StageLock(file) : nil
    }
}
