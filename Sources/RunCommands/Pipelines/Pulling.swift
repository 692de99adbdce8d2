import Base
import DataKit

/// Brings what the work tree lacks before stages are judged.
enum Pulling {
    static func workTree(_ session: RunSession) throws {
        let synchroniser = try Synchroniser(session.data)
        let files = try synchroniser.candidates()
        _ = try Downloader(session.data).fetch(files.map(\.pointer), progress: session.ui.progress)
        _ = try synchroniser.fill(files, progress: session.ui.progress)
    }
}
