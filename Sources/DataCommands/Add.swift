import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Reports

struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Put files into the store, in parallel, and stage their pointers.",
        discussion: """
            Files that no pattern tracks are tracked from now on: a folder as 'folder/**', a file by its name.

            Examples:
              git mldata add data
              git mldata add model.bin
            """)

    @Argument(help: ArgumentHelp("Files and folders.", valueName: "path")) var paths: [String]
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try Session(common)
        let paths = try session.paths(paths)
        let adder = try Adder(session.data)
        try adder.check(paths)
        try session.ensureInstalled()
        try Add.track(paths, session)
        let outcome = try adder.add(paths, progress: session.ui.progress)
        for warning in outcome.warnings { session.ui.warning(warning) }
        var words = "Added \(Quantity.count(outcome.added, "file"))"
        if outcome.added > 0 {
            words += ": \(Quantity.bytes(outcome.bytes)), the store grew by \(Quantity.bytes(outcome.storedBytes))"
        }
        if outcome.unchanged > 0 { words += "; \(outcome.unchanged) unchanged" }
        if outcome.plain > 0 { words += "; \(outcome.plain) staged as plain Git files" }
        session.ui.summary(words)
    }

    /// Naming a path here means that git-ml shall keep it.
    static func track(_ paths: [String], _ session: Session) throws {
        let top = try session.data.repository.requireWorkTree()
        var patterns: [String] = []
        for path in paths {
            let isFolder = Files.isDirectory(top + "/" + path)
            let probe = isFolder ? (path.isEmpty ? "x" : path + "/x") : path
            if try session.data.repository.attribute("filter", of: [probe])[probe] != "mldata" {
                // The top itself holds .gitattributes and code: only what patterns name is data there.
                if path.isEmpty || Files.lastComponent(of: path).hasPrefix(".git") { continue }
                let exact = Files.exists(top + "/" + path) ? TrackedPatterns.exact(path) : path
                patterns.append(isFolder ? exact + "/**" : exact)
            }
        }
        for pattern in try TrackedPatterns.add(patterns, folder: "", session.data.repository) {
            session.ui.status("Tracking '\(pattern)'")
        }
        // Without its attributes a commit's pointers are just text to every clone.
        let git = session.data.repository.git
        let state = try git.run(["status", "--porcelain", "--", ":(top).gitattributes"]).text.prefix(2)
        if ["??", " M", "AM", "MM"].contains(state) { try git.run(["add", "--", ":(top).gitattributes"]) }
    }
}
