import Base
import DataFilter
import Glibc

var variables: [String: String] = [:]
for name in ["GIT_DIR", "GIT_COMMON_DIR", "GIT_MLDATA_SKIP_SMUDGE", "GIT_LFS_SKIP_SMUDGE", "GIT_MLDATA_TRACE", "HOME"] {
    if let value = getenv(name) { variables[name] = String(cString: value) }
}
func resolved(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
}
Trace.begin(setting: variables["GIT_MLDATA_TRACE"])
let standardError = FileHandle(borrowing: 2, path: "standard error")
exit(
    FilterProgram.run(
        Array(CommandLine.arguments.dropFirst()), variables: variables, directory: resolved(".") ?? ".",
        executable: resolved("/proc/self/exe")
    ) { line in try? standardError.writeAll(line + "\n") })
