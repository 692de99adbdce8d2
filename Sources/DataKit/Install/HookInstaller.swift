import Base
import GitKit
import Glibc

/// Puts our hooks beside those that exist, and takes them away again.
///
/// Git 2.54 and newer take hooks from the configuration too (git-hook(1)): ours then never meet those of others. Older
/// versions get scripts in the hooks folder that run what was there before.
struct HookInstaller {
    let repository: Repository

    /// Installs all hooks.
    ///
    /// - Returns: names of hooks that were there before and now run from ours.
    func install() throws -> [String] {
        guard try usesConfiguration() else { return try installScripts() }
        // Scripts of ours from a time when git was older would run everything twice.
        try removeScripts()
        for name in HookScript.names {
            let section = "hook.git-mldata-" + name
            try repository.git.run([
                "config", "--local", "--replace-all", section + ".command", HookScript.command(name),
            ])
            try repository.git.run(["config", "--local", "--replace-all", section + ".event", name])
        }
        return []
    }

    /// Removes our hooks and puts back what was there before.
    func uninstall() throws {
        for name in HookScript.names {
            _ = try repository.git.start(["config", "--local", "--remove-section", "hook.git-mldata-" + name])
        }
        try removeScripts()
    }

    /// Hooks that are not installed.
    ///
    /// - Parameter configuration: what git says now.
    func missing(_ configuration: Configuration) throws -> [String] {
        if try usesConfiguration() {
            return HookScript.names.filter {
                configuration["hook.git-mldata-\($0).command"] != HookScript.command($0)
                    || configuration["hook.git-mldata-\($0).event"] != $0
            }
        }
        let folder = try folder(configuration)
        return HookScript.names.filter { (try? Files.readText(folder + "/" + $0)) != HookScript.text($0) }
    }

    /// Where the hooks are, for people.
    func place() throws -> String { try usesConfiguration() ? "git's configuration" : "'\(folder())'" }

    private func usesConfiguration() throws -> Bool {
        try !repository.git.version().lexicographicallyPrecedes([2, 54])
    }

    /// The folder git takes hooks from: `core.hooksPath` when set.
    func folder(_ configuration: Configuration? = nil) throws -> String {
        if let configuration, configuration["core.hooksPath"] == nil { return repository.commonDirectory + "/hooks" }
        let answer = try repository.git.run(["rev-parse", "--git-path", "hooks"]).text.dropLast()
        return Files.join(repository.workTree ?? repository.gitDirectory, String(answer))
    }

    private func installScripts() throws -> [String] {
        let folder = try folder()
        try Files.makeDirectories(folder)
        var chained: [String] = []
        for name in HookScript.names {
            let path = folder + "/" + name
            let text = HookScript.text(name)
            if Files.exists(path) {
                let present = String(decoding: try Files.read(path), as: UTF8.self)
                if present == text { continue }
                if !HookScript.isOurs(present) {
                    guard !Files.exists(HookScript.chained(path)) else {
                        throw MLError(
                            .conflict, "hook '\(path)' is not ours, and '\(HookScript.chained(path))' exists already",
                            hint: "join the two by hand, then run 'git mldata install' again; --manual prints our lines"
                        )
                    }
                    try Files.rename(path, to: HookScript.chained(path))
                    chained.append(name)
                }
            }
            try Files.writeAtomically(text, to: path, mode: 0o777)
        }
        return chained
    }

    private func removeScripts() throws {
        let folder = try folder()
        for name in HookScript.names {
            let path = folder + "/" + name
            guard Files.exists(path), HookScript.isOurs(String(decoding: try Files.read(path), as: UTF8.self)) else {
                continue
            }
            try Files.remove(path)
            if Files.exists(HookScript.chained(path)) { try Files.rename(HookScript.chained(path), to: path) }
        }
    }
}
