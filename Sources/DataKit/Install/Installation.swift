import Base
import GitKit

/// What `git mldata install` sets up, and how to take it back.
public struct Installation: Sendable {
    public enum Scope: String, Sendable { case local, global, system }

    /// Configuration keys and values, in the order they are written.
    public static func settings(skipSmudge: Bool) -> [(key: String, value: String)] {
        [
            ("filter.mldata.process", "git-mldata-filter filter-process\(skipSmudge ? " --skip" : "")"),
            ("filter.mldata.clean", "git-mldata-filter clean -- %f"),
            ("filter.mldata.smudge", "git-mldata-filter smudge\(skipSmudge ? " --skip" : "") -- %f"),
            ("filter.mldata.required", "true"),
            ("merge.mldata.name", "git-ml: merge lines and rows by content"),
            ("merge.mldata.driver", "git-mldata merge-driver %O %A %B %P"),
            ("diff.mldata.textconv", "git-mldata textconv"),
        ]
    }

    /// Only for one repository: how notes join and where they are shown.
    static let repositorySettings: [(key: String, value: String)] = [
        ("mldata.repositoryFormatVersion", "0"),
        ("notes.mlrun.mergeStrategy", "cat_sort_uniq"),
    ]

    /// Makes `git log` show the notes. A pattern, since git warns of a plain ref that does not exist yet.
    static let displayRef = "refs/notes/mlrun*"

    /// Refs that travel beside branches: the readable notes, and the run records behind them. What a fetch brings
    /// never touches the local ones; readers join both.
    public static func refspecs(_ remote: String) -> [String] {
        [
            "+refs/notes/mlrun*:refs/notes/remotes/\(remote)/mlrun*",
            "+refs/mlrun/records*:refs/mlrun/remotes/\(remote)/records*",
        ]
    }

    /// What a clone needs in the configuration from its first moment on, for `git clone -c KEY=VALUE`; with it nothing is
    /// left to be written afterwards.
    ///
    /// - Parameter remote: the name the clone gives to where it comes from; nil leaves the notes to a later fetch.
    public static func cloneSettings(remote: String?) -> [(key: String, value: String)] {
        settings(skipSmudge: false) + repositorySettings + [("notes.displayRef", displayRef)]
            + (remote.map { name in refspecs(name).map { ("remote.\(name).fetch", $0) } } ?? [])
    }

    public let scope: Scope
    private let git: GitCommand
    let repository: Repository?

    public init(scope: Scope, repository: Repository?) {
        self.scope = scope
        self.repository = repository
        git = repository?.git ?? GitCommand()
    }

    /// Writes filters and drivers; in a repository also hooks and notes refspecs.
    ///
    /// - Parameter force: replace settings that are not ours.
    /// - Returns: names of hooks that now run behind one that was there before.
    /// - Throws: `MLError(.conflict)` naming every setting that is not ours; then nothing was written.
    @discardableResult
    public func install(skipSmudge: Bool = false, force: Bool = false) throws -> [String] {
        let wanted = Installation.settings(skipSmudge: skipSmudge)
        let present = try Configuration(git, scope: scope.rawValue)
        if !force { try refuseForeign(wanted, present) }
        guard let repository, scope == .local else {
            try write(replacing(wanted, present))
            return []
        }
        try Files.makeDirectories(repository.dataDirectory)
        var changes = replacing(wanted + Installation.repositorySettings, present)
        if !present.all("notes.displayRef").contains(Installation.displayRef) {
            changes.append(.add("notes.displayRef", Installation.displayRef))
        }
        try write(changes + lackingRefspecs(present))
        return try HookInstaller(repository: repository).install()
    }

    /// Removes what `install` wrote, and only that.
    public func uninstall() throws {
        for section in ["filter.mldata", "merge.mldata", "diff.mldata"] {
            _ = try git.start(["config", "--\(scope.rawValue)", "--remove-section", section])
        }
        guard let repository, scope == .local else { return }
        for (key, _) in Installation.repositorySettings { _ = try git.start(["config", "--local", "--unset", key]) }
        _ = try git.start([
            "config", "--local", "--fixed-value", "--unset", "notes.displayRef", Installation.displayRef,
        ])
        for remote in try Configuration(git, scope: scope.rawValue).remotes {
            for spec in Installation.refspecs(remote) {
                _ = try git.start(["config", "--local", "--fixed-value", "--unset", "remote.\(remote).fetch", spec])
            }
        }
        // An emptied section header would stay behind.
        for section in ["mldata", "notes", "notes.mlrun"] where try isEmpty(section) {
            _ = try git.start(["config", "--local", "--remove-section", section])
        }
        try HookInstaller(repository: repository).uninstall()
    }

    /// True when this repository has everything: no command needs to install again.
    ///
    /// - Parameter configuration: what git says now.
    public func isComplete(_ configuration: Configuration) throws -> Bool {
        guard let repository, try HookInstaller(repository: repository).missing(configuration).isEmpty else {
            return false
        }
        return configuration["filter.mldata.process"] != nil && configuration["mldata.repositoryFormatVersion"] == "0"
            && configuration["diff.mldata.textconv"] != nil && lackingRefspecs(configuration).isEmpty
    }

    /// Adds the notes refspecs to every configured remote that lacks them.
    public func addRefspecs() throws { try write(lackingRefspecs(Configuration(git, scope: scope.rawValue))) }

    private func lackingRefspecs(_ present: Configuration) -> [ConfigurationFile.Change] {
        present.remotes.flatMap { remote in
            Installation.refspecs(remote).filter { !present.all("remote.\(remote).fetch").contains($0) }
                .map { .add("remote.\(remote).fetch", $0) }
        }
    }

    /// What `install` would write, as shell commands and hook text (`--manual`).
    public static func manual(_ scope: Scope, skipSmudge: Bool) -> String {
        var lines = settings(skipSmudge: skipSmudge).map { "git config --\(scope.rawValue) \($0.key) '\($0.value)'" }
        guard scope == .local else { return lines.joined(separator: "\n") + "\n" }
        lines += repositorySettings.map { "git config \($0.key) '\($0.value)'" }
        lines.append("git config --add notes.displayRef '\(displayRef)'")
        lines += refspecs("origin").map { "git config --add remote.origin.fetch '\($0)'" }
        for name in HookScript.names { lines.append("\n# .git/hooks/\(name), executable:\n" + HookScript.text(name)) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func refuseForeign(_ wanted: [(key: String, value: String)], _ present: Configuration) throws {
        var foreign: [String] = []
        for (key, _) in wanted where key != "filter.mldata.required" {
            foreign += present.all(key).filter { !$0.hasPrefix("git-mldata") && !$0.hasPrefix("git-ml:") }.map {
                "\(key) = \($0)"
            }
        }
        guard foreign.isEmpty else {
            throw MLError(
                .conflict, "configuration that is not ours is in the way: " + foreign.joined(separator: "; "),
                hint: "'git mldata install --force' replaces it")
        }
    }

    private func replacing(
        _ wanted: [(key: String, value: String)], _ present: Configuration
    ) -> [ConfigurationFile.Change] {
        wanted.filter { present.all($0.key) != [$0.value] }.map { .set($0.key, $0.value) }
    }

    /// Of the other scopes git alone knows which file is theirs.
    private func write(_ changes: [ConfigurationFile.Change]) throws {
        if let repository, scope == .local {
            return try ConfigurationFile(repository.commonDirectory + "/config").apply(changes)
        }
        for change in changes {
            switch change {
            case .set(let key, let value):
                try git.run(["config", "--\(scope.rawValue)", "--replace-all", key, value])
            case .add(let key, let value): try git.run(["config", "--\(scope.rawValue)", "--add", key, value])
            }
        }
    }

    private func isEmpty(_ section: String) throws -> Bool {
        try git.start([
            "config", "--local", "--get-regexp", "^" + section.split(separator: ".").joined(separator: "\\.") + "\\.",
        ])
        .output.isEmpty
    }
}
