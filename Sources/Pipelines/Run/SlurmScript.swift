import Base

/// The files of one job in the folder that submitter and nodes share.
struct SlurmJobFiles: Sendable {
    let base: String

    init(folder: String, name: String) { base = folder + "/" + name }

    var script: String { base + ".sh" }
    var log: String { base + ".log" }
    /// The job's id; of jobs submitted ahead also what they were submitted for.
    var job: String { base + ".job" }
    var result: String { base + ".json" }

    var jobID: String? { (try? Files.readText(job))?.split(separator: "\n").first.map(String.init) }
    var resultValue: JSON? { (try? Files.read(result)).flatMap { try? JSON(parsing: $0) } }

    func remove() { for path in [script, log, job, result] { try? Files.remove(path) } }
}

/// The script of a job: nothing of this program is needed on the node, only a shell and coreutils.
struct SlurmScript {
    let runner: StageRunner

    /// It deletes the outputs (a job that was pre-empted and queued again begins anew), runs the commands, hashes what they
    /// made, and writes `{status, command, seconds, host, deps, outs}` by rename.
    ///
    /// - Parameter waits: dependencies whose ids are to be told, as they were when the job began.
    func text(_ stage: Stage, _ files: SlurmJobFiles, waits: [String] = []) -> String {
        var lines = ["#!/bin/sh", "export DVC_STAGE=\(ShellWord.quote(stage.address))"]
        lines.append("export MLRUN_STAGE=\(ShellWord.quote(stage.address))")
        lines += ["DVC_ROOT", "MLRUN_ROOT"].map { "export \($0)=\(ShellWord.quote(runner.root))" }
        if let seed = stage.settings.seed { lines.append("export \(StageInputs.seedVariable)=\(seed)") }
        let temporary = ShellWord.quote(files.result + ".new")
        lines += [
            "start=$(date +%s) deps= outs=", SlurmScript.identity, "finish() {",
            "  printf '{\"status\": %d, \"command\": %d, \"seconds\": %d, \"host\": \"%s\", \"deps\": {%s}, \"outs\": {%s}}\\n' "
                + "\"$1\" \"$2\" $(($(date +%s) - start)) \"$(hostname)\" \"$deps\" \"$outs\" > \(temporary)",
            "  mv \(temporary) \(ShellWord.quote(files.result)); exit \"$1\"", "}",
            "cd \(ShellWord.quote(runner.root)) || finish 1 0",
        ]
        lines += waits.map { told("deps", $0) }
        for output in stage.outputs {
            if !output.isPersistent { lines.append("rm -rf -- \(ShellWord.quote("./" + output.path))") }
            lines.append("mkdir -p -- \(ShellWord.quote("./" + Files.parent(of: output.path)))")
        }
        let directory = ShellWord.quote(Files.join(runner.root, stage.directory))
        lines.append("mkdir -p -- \(directory) && cd \(directory) || finish 1 0")
        for (index, command) in stage.commands.enumerated() {
            let words = runner.shellArguments(command).map(ShellWord.quote).joined(separator: " ")
            lines.append("\(words)\nstatus=$?; [ $status -eq 0 ] || finish $status \(index)")
        }
        lines.append("cd \(ShellWord.quote(runner.root))")
        // Of a folder git may ignore a part, which a node cannot know.
        for output in stage.outputs {
            lines.append("if [ -f \(ShellWord.quote("./" + output.path)) ]; then \(told("outs", output.path)); fi")
        }
        lines.append("finish 0 0")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Adds `"path": "id"` to a list in the result.
    private func told(_ list: String, _ path: String) -> String {
        let name = ShellWord.quote(JSON.string(path).compact() + ": \"")
        return "\(list)=\"${\(list):+$\(list), }\"\(name)$(identity \(ShellWord.quote("./" + path)))'\"'"
    }

    /// Prints what `FolderID` and SHA-256 make of a path.
    private static let identity = """
        identity() {
          if [ -d "$1" ] && [ ! -L "$1" ]; then
            ( cd "$1" && { printf 'mlrun-folder 1\\n'; find . \\( -type f -o -type l \\) | LC_ALL=C sort | while IFS= read -r f; do
              if [ -L "$f" ]; then mode=120000 id=$(readlink -n "$f" | sha256sum)
              elif [ -x "$f" ]; then mode=100755 id=$(sha256sum < "$f")
              else mode=100644 id=$(sha256sum < "$f"); fi
              printf '%s\\000%s %s\\n' "${f#./}" "$mode" "${id%% *}"
            done; } | sha256sum | cut -c 1-64 )
          elif [ -L "$1" ]; then readlink -n "$1" | sha256sum | cut -c 1-64
          else sha256sum < "$1" | cut -c 1-64; fi
        }
        """
}
