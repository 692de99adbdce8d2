import Base

/// The Python packages a program would find, read from the names of folders: no interpreter is started.
public enum InstalledPackages {
    /// `name==version` lines, sorted, of the packages in `environment` (a virtual environment's folder).
    public static func python(environment folder: String) -> [String] {
        var found: Set<String> = []
        for library in (try? Files.list(folder + "/lib")) ?? [] where library.hasPrefix("python") {
            for packages in ["site-packages", "dist-packages"] {
                for name in (try? Files.list("\(folder)/lib/\(library)/\(packages)")) ?? []
                where name.hasSuffix(".dist-info") {
                    let parts = name.dropLast(".dist-info".count).split(separator: "-", maxSplits: 1)
                    if parts.count == 2 { found.insert("\(parts[0])==\(parts[1])") }
                }
            }
        }
        return found.sorted()
    }
}
