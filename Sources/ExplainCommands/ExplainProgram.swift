import ArgumentParser
import CommandKit

/// `git mlexplain`: why a committed model decides as it does.
public struct ExplainProgram: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "git-mlexplain",
        abstract: "Explain what a model of a commit predicts: which words pull which way.",
        usage: """
            git mlexplain [<rev>] (--text <text> | --file <file> | --data <rev:path>) [<options>]
            git mlexplain (diff | log | global | errors | bias | evaluate) …
            """,
        discussion: """
            Examples:
              git mlexplain HEAD --text "It was a fantastic performance !"
              git mlexplain HEAD --data HEAD:data/test.tsv --row 17 --method ig
              git mlexplain v1.0 --file reviews.txt --format html -o why.html
              git mlexplain --predictor 'python3 model.py' --text "a fine film"
              git mlexplain diff v1.0 HEAD --data HEAD:data/test.tsv

            'git mlexplain show -h' lists the options of the first form; a revision called like a command is written
            'git mlexplain show log'.
            """,
        version: Program.version,
        subcommands: [
            ShowCommand.self, DiffCommand.self, LogCommand.self, GlobalCommand.self, ErrorsCommand.self,
            BiasCommand.self, EvaluateCommand.self,
        ],
        defaultSubcommand: ShowCommand.self)

    public init() {}
}
