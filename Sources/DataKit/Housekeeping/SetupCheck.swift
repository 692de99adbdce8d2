import Base
import GitKit
import ObjectStore

/// Looks whether this repository is set up as it must be, and says how to mend what is not.
public struct SetupCheck: Sendable {
    public struct Result: Hashable, Sendable {
        public enum Verdict: String, Sendable { case ok, note, problem }
        public var verdict: Verdict
        public var topic: String
        public var text: String
        /// What to type; nil when nothing is to be done.
        public var fix: String?
    }

    private let data: DataRepository
    private var results: [Result] = []

    public init(_ data: DataRepository) { self.data = data }

    /// - Parameter programs: our programs and where each was found; nil for one that is not on PATH.
    public mutating func run(programs: [(name: String, path: String?)]) throws -> [Result] {
        results = []
        try checkPrograms(programs)
        try checkFilter()
        try checkHooks()
        try checkAttributes()
        try checkStore()
        try checkRemote()
        return results
    }

    private mutating func add(_ verdict: Result.Verdict, _ topic: String, _ text: String, fix: String? = nil) {
        results.append(Result(verdict: verdict, topic: topic, text: text, fix: fix))
    }

    private mutating func checkPrograms(_ programs: [(name: String, path: String?)]) throws {
        let numbers = try data.repository.git.version()
        let version = numbers.map(String.init).joined(separator: ".")
        if numbers.lexicographicallyPrecedes([2, 30]) {
            add(.problem, "git", "version \(version) is too old", fix: "install git 2.30 or newer")
        } else {
            add(.ok, "git", "version \(version)")
        }
        for (name, path) in programs {
            if let path {
                add(.ok, "programs", "\(name) is \(path)")
            } else {
                add(.problem, "programs", "\(name) is not on PATH", fix: "add git-ml's bin folder to PATH")
            }
        }
    }

    private mutating func checkFilter() throws {
        let process = data.configuration["filter.mldata.process"]
        if let process, process.hasPrefix("git-mldata") {
            add(.ok, "filter", "filter.mldata.process is '\(process)'")
        } else {
            let text = process.map { "filter.mldata.process is '\($0)', which is not ours" } ?? "no filter is set"
            add(.problem, "filter", text, fix: "git mldata install" + (process == nil ? "" : " --force"))
        }
        if try data.configuration.bool("filter.mldata.required") != true {
            add(
                .problem, "filter",
                "filter.mldata.required is not true: git would commit raw content when the filter fails",
                fix: "git config filter.mldata.required true")
        }
        if data.skipsSmudge {
            add(.note, "filter", "checkouts leave pointers", fix: "git mldata install, to fill files in")
        }
    }

    private mutating func checkHooks() throws {
        let installer = HookInstaller(repository: data.repository)
        let missing = try installer.missing(data.configuration)
        if missing.isEmpty {
            add(.ok, "hooks", "installed in \(try installer.place())")
        } else {
            add(
                .problem, "hooks", "missing in \(try installer.place()): \(missing.joined(separator: ", "))",
                fix: "git mldata install")
        }
    }

    private mutating func checkAttributes() throws {
        guard let top = data.repository.workTree else { return }
        let patterns = try TrackedPatterns.list(data.repository)
        if patterns.isEmpty {
            add(.note, "attributes", "no pattern is tracked", fix: "git mldata track 'data/**'")
            return
        }
        add(.ok, "attributes", "\(patterns.count) tracked \(patterns.count == 1 ? "pattern" : "patterns")")
        let dirty = try data.repository.git.run(["status", "--porcelain", "--", ".gitattributes", "**/.gitattributes"])
            .text
        if !dirty.isEmpty {
            add(
                .note, "attributes", "changes to .gitattributes are not committed",
                fix: "git add .gitattributes && git commit")
        }
        let raw = try data.trackedWithoutPointer()
        if let first = raw.first {
            add(
                .problem, "attributes",
                "'\(first)'\(raw.count > 1 ? " and \(raw.count - 1) more" : "") should be a pointer, but Git holds the content",
                fix: "git add --renormalize . && git commit")
        }
        for pattern in patterns where Files.exists(top + "/" + pattern.source) {
            guard data.repository.isIgnored(pattern.source) else { continue }
            add(
                .problem, "attributes", "'\(pattern.source)' is ignored, so clones will not have it",
                fix: "mend .gitignore")
        }
    }

    private mutating func checkStore() throws {
        let store = try data.openStore()
        let packs = try store.packSummaries()
        let bytes = packs.reduce(Int64(0)) { $0 + Int64($1.length) }
        add(.ok, "store", "\(data.storeDirectory): \(packs.count) packs, \(bytes >> 20) MiB")
        if packs.count > 200 { add(.note, "store", "many packs make look-ups slow", fix: "git mldata repack") }
        guard data.repository.workTree != nil else { return }
        let files = try Synchroniser(data).candidates().filter { data.wanted.contains($0.path) }
        if !files.isEmpty && !data.skipsSmudge {
            add(.note, "store", "\(files.count) files in the work tree are still pointers", fix: "git mldata pull")
        }
    }

    private mutating func checkRemote() throws {
        do {
            guard let remote = try data.openRemote(gitRemote: nil) else {
                add(.note, "remote", "there is nowhere to push to", fix: "git remote add origin URL")
                return
            }
            add(.ok, "remote", "content goes to \(remote.name)")
            let unpushed = try data.repository.head().map { head in
                try remote.lackingWhenLastSeen(data.pointers(inTree: head.tree).map(\.pointer)).count
            }
            if let unpushed, unpushed > 0 {
                add(.note, "remote", "\(unpushed) files of HEAD were not there when last seen", fix: "git push")
            }
        } catch let error as MLError {
            add(.problem, "remote", error.description, fix: error.hints.first)
        }
    }
}

extension DataRepository {
    /// Files in the index that a pattern tracks and whose content Git holds itself.
    func trackedWithoutPointer() throws -> [String] {
        let entries = try IndexFile(path: repository.indexPath).entries.filter { $0.stage == 0 && $0.isRegularFile }
        let filters = try repository.attribute("filter", of: entries.map(\.path))
        let minimumSizes = MinimumSizes(
            workTree: try repository.requireWorkTree(), commonDirectory: repository.commonDirectory)
        return try entries.filter { entry in
            guard filters[entry.path] == "mldata", let size = repository.blobSize(entry.id), size > 0,
                try size >= minimumSizes.minimum(entry.path)
            else { return false }
            return try pointer(entry.id) == nil
        }.map(\.path)
    }
}
