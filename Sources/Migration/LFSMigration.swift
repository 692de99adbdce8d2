import Base
import DataKit
import GitKit
import ObjectStore

/// Takes a repository over from Git LFS: attributes change, pointers stay byte for byte.
public struct LFSMigration: Sendable {
    public struct Outcome: Sendable {
        /// `.gitattributes` files that changed, and lines in them.
        public var files: [String] = []
        public var lines = 0
        /// Objects taken from Git LFS's local storage or from the work tree.
        public var imported = 0
        public var importedBytes: Int64 = 0
        /// Local LFS objects whose content is not what their name says.
        public var corrupt: [String] = []
        /// Hooks of Git LFS that were removed.
        public var hooks: [String] = []
        /// Pointers of any branch or tag whose content is not here: it is on the LFS server only.
        public var missing: [PointerFile] = []
    }

    private let data: DataRepository
    private let top: String

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// Stages changed attributes, imports local objects, and leaves files and pointers alone.
    ///
    /// - Parameter dryRun: only says what would change.
    /// - Throws: `MLError(.conflict)` for a `.gitattributes` with changes that are not staged; then nothing was done.
    public func run(dryRun: Bool, progress: any ProgressReporter) throws -> Outcome {
        var outcome = Outcome()
        let changes = try attributeChanges()
        outcome.files = changes.map(\.path)
        outcome.lines = changes.reduce(0) { $0 + $1.lines }
        if !dryRun {
            // Content first: attributes that name our filter need it.
            try importObjects(&outcome, progress)
            try importWorkTree(&outcome, progress)
            try apply(changes)
            outcome.hooks = try Installation(scope: .local, repository: data.repository).removeHooks(
                where: LFSMigration.isLFSHook)
        }
        let store = try data.openStore()
        outcome.missing = try Uploader(data).allPointers().filter { file in
            try !store.contains(file.pointer.oid) && !(dryRun && Files.exists(lfsPath(file.pointer.oid)))
        }
        return outcome
    }

    // MARK: Attributes

    private struct Change {
        var path: String
        var old: [UInt8]
        var new: [UInt8]
        var mode: UInt32
        var lines: Int
        /// In Git's folder and not in the index.
        var isLocal = false
    }

    private func attributeChanges() throws -> [Change] {
        var changes: [Change] = []
        for entry in try IndexFile(path: data.repository.indexPath).entries
        where Files.lastComponent(of: entry.path) == ".gitattributes" && entry.isRegularFile && entry.stage == 0 {
            let old = try data.repository.readBlob(entry.id)
            let (new, lines) = AttributeLines.replacingLFS(old)
            if lines == 0 { continue }
            let file = top + "/" + entry.path
            // An earlier run may have been killed between the file and the index.
            if Files.exists(file), case let present = try Files.read(file), present != old, present != new {
                throw MLError(
                    .conflict, "'\(entry.path)' has changes that are not staged",
                    hint: "stage them with 'git add \(entry.path)', or drop them, and run the command again")
            }
            changes.append(Change(path: entry.path, old: old, new: new, mode: entry.mode, lines: lines))
        }
        let local = data.repository.commonDirectory + "/info/attributes"
        if Files.exists(local) {
            let old = try Files.read(local)
            let (new, lines) = AttributeLines.replacingLFS(old)
            if lines > 0 {
                changes.append(
                    Change(path: ".git/info/attributes", old: old, new: new, mode: 0, lines: lines, isLocal: true))
            }
        }
        return changes
    }

    private func apply(_ changes: [Change]) throws {
        var entries: [UInt8] = []
        for change in changes {
            if change.isLocal {
                try Files.writeAtomically(change.new, to: data.repository.commonDirectory + "/info/attributes")
                continue
            }
            let blob = try data.repository.writeBlob(change.new)
            if Files.exists(top + "/" + change.path) {
                try data.repository.writeWorkTreeFile(change.new, to: top + "/" + change.path)
            }
            entries += Array("\(String(change.mode, radix: 8)) \(blob.hex) 0\t".utf8) + change.path.pathBytes + [0]
        }
        if entries.isEmpty { return }
        try data.repository.git.run(["update-index", "-z", "--index-info"], input: entries)
        _ = try data.repository.git.start(["update-index", "-q", "--refresh"])
    }

    // MARK: Content

    /// Where Git LFS keeps its objects: `lfs.storage`, or `lfs` beside Git's own objects.
    private func lfsObjects() -> String {
        Files.join(data.repository.commonDirectory, data.configuration["lfs.storage"] ?? "lfs") + "/objects"
    }

    private func lfsPath(_ oid: ObjectID) -> String {
        "\(lfsObjects())/\(oid.hex.prefix(2))/\(oid.hex.dropFirst(2).prefix(2))/\(oid.hex)"
    }

    private func importObjects(_ outcome: inout Outcome, _ progress: any ProgressReporter) throws {
        let folder = lfsObjects()
        let store = try data.openStore()
        var work: [(oid: ObjectID, path: String)] = []
        for first in try Files.list(folder) where first.utf8.count == 2 {
            for second in try Files.list("\(folder)/\(first)") where second.utf8.count == 2 {
                for name in try Files.list("\(folder)/\(first)/\(second)") {
                    guard let oid = ObjectID(hex: name), try !store.contains(oid) else { continue }
                    work.append((oid, "\(folder)/\(first)/\(second)/\(name)"))
                }
            }
        }
        let added = try ContentImport.add(work.map(\.path), to: store, progress: progress)
        for (object, pointer) in zip(work, added) {
            guard let pointer else { continue }
            if pointer.oid == object.oid {
                outcome.imported += 1
                outcome.importedBytes += pointer.size
            } else {
                outcome.corrupt.append(object.path)
            }
        }
    }

    /// Files of the work tree that are whole although Git LFS has pruned its own copy.
    private func importWorkTree(_ outcome: inout Outcome, _ progress: any ProgressReporter) throws {
        let store = try data.openStore()
        let work = try data.pointersInIndex().filter { file in
            try !store.contains(file.pointer.oid) && Files.status(top + "/" + file.path)?.size == file.pointer.size
                && ObjectID.ofFile(top + "/" + file.path) == file.pointer.oid
        }
        for pointer in try ContentImport.add(work.map { top + "/" + $0.path }, to: store, progress: progress) {
            guard let pointer else { continue }
            outcome.imported += 1
            outcome.importedBytes += pointer.size
        }
    }

    /// True for a hook script that does nothing but call Git LFS: on push it would look for an LFS server.
    static func isLFSHook(_ text: String) -> Bool {
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        return !lines.isEmpty && lines.allSatisfy { $0.contains("git-lfs") || $0.contains("git lfs") }
    }
}
