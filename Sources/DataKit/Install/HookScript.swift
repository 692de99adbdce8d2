/// The shell scripts that Git runs as hooks. Their logic is in `git mldata hook`, so an upgrade never needs new scripts.
public enum HookScript {
    /// The hooks git-ml has, in the order they are listed.
    public static let names = ["pre-push", "post-checkout", "post-merge", "post-commit", "post-rewrite"]

    /// A line that only our scripts hold.
    static let mark = "# git-ml hook: 'git mldata uninstall' removes it"

    /// The script for one hook. Without the programs a push stops, since data would be missing; the others only say so.
    public static func text(_ name: String) -> String {
        """
        #!/bin/sh
        \(mark)
        command -v git-mldata >/dev/null 2>&1 || {
            echo >&2 "this repository uses git-ml, but git-mldata is not on PATH; install it or delete the hook '$0'"
            exit \(name == "pre-push" ? 2 : 0)
        }
        exec git-mldata hook \(name) "$0" "$@"

        """
    }

    /// The command line for one hook in git's configuration; git appends the hook's arguments. The dash stands where a
    /// script gives its own path: there is nothing to run before.
    static func command(_ name: String) -> String { "git-mldata hook \(name) -" }

    /// True for a script of ours, of this or another version.
    static func isOurs(_ text: String) -> Bool { text.contains(mark) }

    /// Where a hook that was there before us is kept; ours runs it first.
    public static func chained(_ path: String) -> String { path + ".before-git-ml" }
}
