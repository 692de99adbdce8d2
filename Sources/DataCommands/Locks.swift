import ArgumentParser
import Base
import CommandKit
import DataKit
import Remotes
import Reports

struct Lock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Lock files on a Git LFS server, so that nobody else pushes changes to them.",
        discussion: "Exit 1 when somebody else holds one of the locks; the others are taken all the same.")

    @Argument(help: ArgumentHelp("Files, relative to where you are.", valueName: "path")) var paths: [String]
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let locks = try session.data.locks()
        let lockable = try LockableFiles(session.data)
        var taken: [LFSLock] = []
        var refused: [MLError] = []
        for path in try session.paths(paths) {
            do {
                taken.append(try locks.lock(path))
                try lockable.note(path, isHeld: true)
            } catch let error as MLError where error.code == .negative {
                refused.append(error)
            }
            if !json, let lock = taken.last, lock.path == path { session.ui.print("Locked \(path)") }
        }
        if json { session.ui.write(LockReport.document([("locks", taken)]).pretty()) }
        for error in refused { _ = ErrorText.show(error) }
        if !refused.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}

struct Unlock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock",
        abstract: "Give locks back.",
        discussion: "A file with uncommitted changes keeps its lock unless --force is given.")

    @Argument(help: ArgumentHelp("Files, relative to where you are.", valueName: "path")) var paths: [String] = []
    @Flag(name: [.customShort("f"), .long], help: "Also somebody else's lock, or that of a changed file.")
    var force = false
    @Option(name: [.customShort("i"), .long], help: ArgumentHelp("The lock of this id.", valueName: "id"))
    var id: String?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if paths.isEmpty == (id == nil) { throw ValidationError("give either paths or --id") }
    }

    func run() throws {
        let session = try Session(common)
        let locks = try session.data.locks()
        let lockable = try LockableFiles(session.data)
        if let id {
            let lock = try locks.unlock(id, force: force)
            if let lock { try lockable.note(lock.path, isHeld: false) }
            return session.ui.print("Unlocked \(lock?.path ?? "lock \(id)")")
        }
        for path in try session.paths(paths) {
            if !force { try refuseChanged(path, session) }
            guard let lock = try locks.list(path: path).first(where: { $0.path == path }) else {
                throw MLError(.negative, "'\(path)' is not locked", hint: "'git mldata locks' shows all locks")
            }
            _ = try locks.unlock(lock.id, force: force)
            try lockable.note(path, isHeld: false)
            session.ui.print("Unlocked \(path)")
        }
    }

    /// A change that was never pushed would meet a file somebody else may lock and change now.
    private func refuseChanged(_ path: String, _ session: Session) throws {
        let status = try session.data.repository.git.run(["--literal-pathspecs", "status", "--porcelain", "--", path])
        guard !status.output.isEmpty else { return }
        throw MLError(
            .negative, "'\(path)' has uncommitted changes",
            hint: "commit and push them first, or unlock it all the same with --force")
    }
}

struct Locks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks", abstract: "List the locks on a Git LFS server.")

    @Option(name: [.customShort("p"), .long], help: ArgumentHelp("Only the lock on this file.", valueName: "path"))
    var path: String?
    @Option(name: [.customShort("i"), .long], help: ArgumentHelp("Only the lock of this id.", valueName: "id"))
    var id: String?
    @Flag(help: "Tell our own locks (marked with *) from those of others.") var verify = false
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let server = try session.data.locks()
        let wanted = try path.map { try session.paths([$0])[0] }
        func isWanted(_ lock: LFSLock) -> Bool {
            (wanted == nil || lock.path == wanted) && (id == nil || lock.id == id)
        }
        var groups: [(name: String, locks: [LFSLock])] = [("locks", [])]
        if verify {
            guard let verified = try server.verify() else {
                throw MLError(.failed, "\(server.name) cannot tell whose locks they are", hint: "leave --verify out")
            }
            try LockableFiles(session.data).replace(Set(verified.ours.map(\.path)))
            groups = [("ours", verified.ours.filter(isWanted)), ("theirs", verified.theirs.filter(isWanted))]
        } else {
            groups = [("locks", try server.list(path: wanted, id: id).filter(isWanted))]
        }
        if json { return session.ui.write(LockReport.document(groups).pretty()) }
        if groups.allSatisfy({ $0.locks.isEmpty }) { return session.ui.status("There are no locks.") }
        session.ui.write(LockReport.table(groups).terminal())
    }
}

/// Locks as a table and as a document.
enum LockReport {
    static func table(_ groups: [(name: String, locks: [LFSLock])]) -> Table {
        let marks = groups.contains { $0.name == "ours" }
        var table = Table(
            columns: (marks ? [.init("")] : []) + [.init("Path"), .init("Owner"), .init("ID"), .init("Since")])
        for (name, locks) in groups {
            for lock in locks.sorted(by: { $0.path < $1.path }) {
                let mark: [Table.Cell] = marks ? [.init(name == "ours" ? "*" : "")] : []
                table.rows.append(
                    mark + [.init(lock.path), .init(lock.owner ?? "-"), .init(lock.id), .init(lock.lockedAt)])
            }
        }
        return table
    }

    static func document(_ groups: [(name: String, locks: [LFSLock])]) -> JSON {
        var document: JSONObject = ["version": 1]
        for (name, locks) in groups {
            document[name] = .array(
                locks.map {
                    [
                        "id": .string($0.id), "path": .string($0.path), "owner": $0.owner.map { .string($0) } ?? .null,
                        "locked_at": .string($0.lockedAt),
                    ]
                })
        }
        return .object(document)
    }
}
