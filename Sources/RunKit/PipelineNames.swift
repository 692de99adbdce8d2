import Base
import GitKit
import Pipelines

/// Finds pipeline files in trees. Commits share most of their folders, so each folder is looked at once.
final class PipelineNames: @unchecked Sendable {
    private let repository: Repository
    private let mutex = Mutex()
    private var known: [GitID: [String]] = [:]

    init(_ repository: Repository) { self.repository = repository }

    /// Paths of all pipeline files below a tree.
    func find(inTree tree: GitID) throws -> [String] {
        if let names = mutex.withLock({ known[tree] }) { return names }
        var names: [String] = []
        for entry in try repository.children(ofTree: tree) {
            if entry.isRegularFile, PipelineFile.names.contains(entry.path) { names.append(entry.path) }
            if entry.mode == 0o040000 { names += try find(inTree: entry.id).map { entry.path + "/" + $0 } }
        }
        mutex.withLock { known[tree] = names }
        return names
    }
}
