import ArgumentParser
import Base

/// Shell completions, also for the spelling with a space: `git mldata add`.
enum CompletionText {
    static func script(_ root: (some ParsableCommand).Type, shell name: String) throws -> String {
        guard let shell = CompletionShell(rawValue: name) else {
            throw MLError(.usage, "there are no completions for '\(name)'", hint: "known: bash, zsh, fish")
        }
        let program = root.configuration.commandName ?? ""
        let script = root.completionScript(for: shell)
        switch name {
        case "bash": return script + "\n" + bashAdapter(program)
        case "fish": return script + "\n" + fishAdapter(program)
        default: return script
        }
    }

    /// Git's own completion calls `_git_mldata` for `git mldata`: the words are handed on as if `git-mldata` were typed.
    private static func bashAdapter(_ program: String) -> String {
        let function = "_" + program.split(separator: "-").joined(separator: "_")
        return """
            \(function)() {
                COMP_WORDS=(\(program) "${COMP_WORDS[@]:2}")
                COMP_CWORD=$((COMP_CWORD - 1))
                COMP_LINE="${COMP_WORDS[*]}"
                COMP_POINT=${#COMP_LINE}
                _\(program)
            }

            """
    }

    private static func fishAdapter(_ program: String) -> String {
        let verb = program.dropFirst("git-".count)
        return """
            complete -c git -n '__fish_seen_subcommand_from \(verb)' -a "(complete -C (string replace -r '^git \(verb)' '\(program)' (commandline -cp)))"

            """
    }
}
