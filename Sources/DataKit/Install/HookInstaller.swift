import Base
import GitKit
import Glibc

/// Puts our hooks beside those that exist, and takes them away again.
struct HookInstaller {
    let repository: Repository

    /// The folder git takes hooks from: `core.hooksPath` when set.
    func folder() throws -> String {
        let answer = try repository.git.run(["rev-parse", "--git-path", "hooks"]).text.dropLast()
        return Files.join(repository.workTree ?? repository.gitDirectory, String(answer))
    }

    /// Installs all hooks. One that somebody else wrote is kept and runs before ours.
    ///
    /// - Returns: names of hooks that are now chained.
    func install() throws -> [String] {
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

    /// Removes our hooks and puts back what was there before.
    func uninstall() throws {
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

    func isInstalled() throws -> Bool {
        let folder = try folder()
        return HookScript.names.allSatisfy { name in
            (try? Files.readText(folder + "/" + name)) == HookScript.text(name)
        }
    }
}
