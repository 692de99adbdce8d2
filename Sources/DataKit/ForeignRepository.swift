import Base
import GitKit
import ObjectStore

/// Another repository, read at one revision without a clone: its trees are fetched, and of its files only those asked for.
public struct ForeignRepository: Sendable {
    /// A bare repository in a temporary folder with one revision of the other one.
    public let data: DataRepository
    public let commit: Commit
    private let folder: String

    /// Fetches a revision's trees.
    ///
    /// - Parameters:
    ///   - url: anything `git fetch` takes; a path relative to the current folder too.
    ///   - revision: a branch, a tag, a full commit id, or an expression such as `main~2`; nil for the default branch.
    ///   - temporary: a folder that exists, for the temporary repository.
    /// - Throws: `MLError(.notFound)` naming URL or revision.
    public init(url: String, revision: String?, temporary: String) throws {
        folder = Files.temporaryName(beside: temporary + "/git-mldata") + ".git"
        do {
            let local = ForeignRepository.local(url)
            let git = GitCommand(directory: folder)
            try GitCommand().run(["init", "--quiet", "--bare", folder], environment: GitCommand.localVariables)
            for (key, value) in [
                ("remote.origin.url", local?.path ?? url), ("remote.origin.promisor", "true"),
                ("remote.origin.partialclonefilter", "blob:none"), ("core.repositoryformatversion", "1"),
                ("extensions.partialclone", "origin"),
            ] {
                try git.run(["config", key, value])
            }
            if let local {
                // What lies on this machine need not be fetched: neither objects nor content.
                try Files.writeAtomically(local.objects + "\n", to: folder + "/objects/info/alternates")
                for (key, value) in try ForeignRepository.stores(of: local.path) {
                    try git.run(["config", key, value])
                }
            }
            let id = try ForeignRepository.fetch(git, url, revision)
            try git.run(["update-ref", "--no-deref", "HEAD", id])
            data = try DataRepository(discoveringFrom: folder)
            commit = try data.repository.commit(id)
        } catch {
            try? Files.remove(folder)
            throw error
        }
    }

    /// Removes the temporary folder.
    public func close() { try? Files.remove(folder) }

    /// The files at or below a path: nothing but regular files.
    ///
    /// - Throws: `MLError(.notFound)`.
    public func files(at path: String) throws -> [TreeEntry] {
        let trimmed = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        let found = try data.repository.files(inTree: commit.tree, under: trimmed)
        guard !found.isEmpty else {
            throw MLError(
                .notFound, "path '\(path)' does not exist in commit \(commit.id.short)",
                hint: "'git mldata ls URL' shows what there is")
        }
        return found.filter(\.isRegularFile)
    }

    /// Brings blobs that the first fetch left out, all in one request.
    public func bring(_ entries: [TreeEntry]) throws {
        let lacking = Set(entries.map(\.id)).filter { !data.repository.contains($0) }.map(\.hex).sorted()
        if lacking.isEmpty { return }
        try data.repository.git.run(
            [
                "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--recurse-submodules=no", "--filter=blob:none", "--stdin", "origin",
            ], input: Array((lacking.joined(separator: "\n") + "\n").utf8))
    }

    private static func fetch(_ git: GitCommand, _ url: String, _ revision: String?) throws -> String {
        let options = ["fetch", "--quiet", "--no-tags", "--filter=blob:none"]
        let name = revision ?? "HEAD"
        // A name or an id the server gives out alone is the cheap way; anything else needs the refs.
        if try git.start(options + ["--depth=1", "origin", name]).status == 0 {
            return String(try git.run(["rev-parse", "FETCH_HEAD^{commit}"]).text.dropLast())
        }
        let all = try git.start(options + ["origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
        guard all.status == 0 else {
            let lines = all.errorText.split(separator: "\n")
            let words =
                (lines.first { $0.hasPrefix("fatal: ") }?.dropFirst("fatal: ".count) ?? lines.last)
                ?? "git fetch failed"
            throw MLError(.notFound, "cannot read repository '\(url)': \(words)")
        }
        let answer = try git.start(["rev-parse", "--verify", "--quiet", name + "^{commit}"])
        guard answer.status == 0 else { throw MLError(.notFound, "unknown revision '\(name)' in '\(url)'") }
        return String(answer.text.dropLast())
    }

    /// A repository on this machine: its absolute path and object folder; nil for any other address.
    static func local(_ url: String) -> (path: String, objects: String)? {
        let path = url.hasPrefix("file://") ? String(url.dropFirst(7)) : url
        guard Files.isDirectory(path),
            let answer = try? GitCommand(directory: path).start(
                ["rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-dir"],
                environment: GitCommand.localVariables), answer.status == 0
        else { return nil }
        let lines = answer.text.split(separator: "\n").map(String.init)
        guard lines.count == 2 else { return nil }
        return (lines[1], lines[0])
    }

    /// The remote stores a repository on this machine has configured, relative paths made absolute.
    private static func stores(of gitDirectory: String) throws -> [(String, String)] {
        let configuration = try Configuration(GitCommand(directory: gitDirectory))
        let top = Files.parent(of: gitDirectory)
        var settings: [(String, String)] = []
        for key in configuration.keys(startingWith: "mldata.remote.") {
            guard let value = configuration[key] else { continue }
            let isPath = key.hasSuffix(".url") && !value.contains(":")
            settings.append((key, isPath ? Files.join(top, value) : value))
        }
        if let name = configuration["mldata.defaultRemote"] { settings.append(("mldata.defaultRemote", name)) }
        return settings
    }
}
