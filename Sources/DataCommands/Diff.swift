import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show how tracked files differ between two versions: rows, columns, tensors, bytes.",
        discussion: """
            Compares HEAD with the work tree, or A with it, or A with B (also A..B).

            A added, D deleted, M modified, R renamed, T now tracked or no longer, U in conflict.

            Example:
              git mldata diff v1 v2 -- data
            """)

    @Argument(help: ArgumentHelp("A revision, or a range A..B.", valueName: "a")) var first: String?
    @Argument(help: ArgumentHelp("Another revision.", valueName: "b")) var second: String?
    @Argument(parsing: .postTerminator, help: ArgumentHelp("Only these files and folders.", valueName: "path"))
    var paths: [String] = []
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print lines for scripts: state, ids, sizes, path.") var porcelain = false
    @Flag(name: .customShort("z"), help: "End lines with NUL instead of LF; no quotes around names.") var nul = false
    @Flag(help: "Sizes only: read no content.") var stat = false
    @Flag(help: "Print paths only.") var nameOnly = false
    @Flag(help: "Fetch content that is not in the local store.") var fetch = false
    @Flag(help: "Exit with 1 when something differs.") var exitCode = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let target = try DiffTarget([first, second].compactMap { $0 }, paths, session)
        let comparison = try DataComparison(session.data, from: target.old, to: target.new, paths: target.paths)
        let isLookedInto = !stat && !nameOnly && (json || !(porcelain || nul))
        let contents = try ContentComparer(session.data)
        if fetch && isLookedInto { try contents.fetch(comparison, session.ui.progress) }
        let quoting = try DiffQuoting(session.data.configuration, nul: nul)
        if nameOnly {
            for entry in comparison.entries { session.ui.write(quoting.name(entry.path) + quoting.end) }
        } else if json {
            session.ui.write(try DiffDocument.json(comparison, isLookedInto ? contents : nil).pretty())
        } else if porcelain || nul {
            for entry in comparison.entries { session.ui.write(DiffDocument.line(entry, quoting)) }
        } else {
            try DiffListing(session.ui, quoting).show(comparison, isLookedInto ? contents : nil)
        }
        if exitCode && !comparison.entries.isEmpty { throw ExitCode(ExitStatus.negative) }
    }
}

/// What the words of the command line name.
private struct DiffTarget {
    var old: GitID?
    var new: DataComparison.Version = .workTree
    var paths: [String] = []

    init(_ words: [String], _ behind: [String], _ session: Session) throws {
        let repository = session.data.repository
        var revisions: [String] = []
        var rest = words[...]
        if let first = rest.first, let dots = DiffTarget.range(first) {
            revisions = dots
            rest.removeFirst()
        } else {
            // Words are revisions as long as they name one; what comes then are paths, as with 'git diff'.
            while let word = rest.first, revisions.count < 2, (try? repository.commit(word)) != nil {
                revisions.append(word)
                rest.removeFirst()
            }
        }
        let top = repository.workTree
        for word in rest {
            guard let top, Files.exists(top + "/" + (try repository.repositoryPath(word))) else {
                throw MLError(
                    .notFound, "'\(word)' is neither a revision nor a file",
                    hint: "put '--' before names of files that are gone: git mldata diff -- \(word)")
            }
        }
        paths = try session.paths(rest + behind)
        old = try revisions.first.map { try repository.commit($0).tree } ?? repository.head()?.tree
        if revisions.count == 2 {
            new = .tree(try repository.commit(revisions[1]).tree)
        } else {
            _ = try repository.requireWorkTree()
        }
    }

    /// The two ends of `A..B`; an end that is left out is HEAD.
    private static func range(_ word: String) -> [String]? {
        let parts = word.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].contains("/."), !parts[1].hasPrefix("/"), !parts[1].hasPrefix(".") else {
            return nil
        }
        return parts.map { $0.isEmpty ? "HEAD" : $0 }
    }
}

/// How names and lines end up in the output.
struct DiffQuoting {
    let nul: Bool
    private let nonASCII: Bool

    init(_ configuration: Configuration, nul: Bool) throws {
        self.nul = nul
        nonASCII = try configuration.bool("core.quotePath") ?? true
    }

    var end: String { nul ? "\0" : "\n" }

    func name(_ path: String) -> String { nul ? path : PathQuoting.quote(path, nonASCII: nonASCII) }
}
