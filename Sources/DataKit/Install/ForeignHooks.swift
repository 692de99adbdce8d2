import Base

extension Installation {
    /// Removes hooks that another tool wrote and that would stand in the way, also where ours keeps them.
    ///
    /// - Parameter isUnwanted: judges a script by its text; never asked about ours.
    /// - Returns: names of the hooks that are gone.
    public func removeHooks(where isUnwanted: (String) -> Bool) throws -> [String] {
        guard let repository else { return [] }
        let folder = try HookInstaller(repository: repository).folder()
        var removed: [String] = []
        for name in HookScript.names {
            for path in [folder + "/" + name, HookScript.chained(folder + "/" + name)] where Files.exists(path) {
                let text = String(decoding: try Files.read(path), as: UTF8.self)
                guard !HookScript.isOurs(text), isUnwanted(text) else { continue }
                try Files.remove(path)
                removed.append(name)
            }
        }
        return removed
    }
}
