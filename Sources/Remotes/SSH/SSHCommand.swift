import Base

/// The user's own `ssh`, started as git starts it: `GIT_SSH_COMMAND`, then `core.sshCommand`, then `GIT_SSH`, then `ssh`.
/// So its configuration, agent, jump hosts and known hosts are those the user knows.
struct SSHCommand: Sendable {
    /// `core.sshCommand`; empty when it is not set.
    var configured: String

    /// As git: the variable before the configuration, and both may hold options.
    ///
    /// PuTTY's programs name the port by `-P`. Only a plain `ssh` is given time-outs: other programs may not know `-o`.
    private static let script = """
        command=${GIT_SSH_COMMAND:-${1:-${GIT_SSH:-ssh}}}; port=$2; lasting=$3; shift 3
        word=${command%% *}; word=${word##*/}; flag=-p
        case $word$lasting in
        *plink*|putty*) flag=-P;;
        sshyes) set -- -o ConnectTimeout=30 -o ServerAliveInterval=15 "$@";;
        esac
        [ -z "$port" ] || set -- $flag "$port" "$@"
        eval "exec $command \\"\\$@\\""
        """

    /// The command line for a shell that starts ssh with `arguments`: options, the destination, what to run there.
    ///
    /// - Parameter isLasting: whether the connection is kept, and must show that the other side is still there.
    func line(port: String?, isLasting: Bool = false, _ arguments: [String]) -> [String] {
        ["/bin/sh", "-c", SSHCommand.script, "git-mldata", configured, port ?? "", isLasting ? "yes" : ""] + arguments
    }
}
