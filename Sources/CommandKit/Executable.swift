import Base
import Glibc

/// Where the programs are.
public enum Executable {
    /// The program beside the running one, else its bare name for PATH to find.
    public static func sibling(_ name: String) -> String {
        guard let own = realpath("/proc/self/exe", nil) else { return name }
        defer { free(own) }
        let path = Files.parent(of: String(cString: own)) + "/" + name
        return Files.exists(path) ? path : name
    }

    /// Where PATH finds a program; nil when it does not.
    public static func onPath(_ name: String) -> String? {
        let folders = (environment("PATH") ?? "").split(separator: ":")
        return folders.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
    }
}
