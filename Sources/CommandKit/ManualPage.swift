import ArgumentParser
import Base

/// Manual pages made from the commands themselves, so that they cannot say anything else: `git-mldata.1`, and
/// `git-mldata-add.1` for each subcommand.
public enum ManualPage {
    /// All pages of a program.
    ///
    /// - Parameter dump: the program's description as the argument parser prints it (JSON).
    /// - Returns: file names and their text in roff.
    public static func pages(_ dump: String) throws -> [(name: String, text: String)] {
        guard let root = try JSON(parsing: dump)["command"] else { return [] }
        let name = root["commandName"]?.stringValue ?? "git-ml"
        let commands = visible(root)
        var pages = [(name: name + ".1", text: page(root, [name], commands))]
        for command in commands {
            let words = [name, command["commandName"]?.stringValue ?? ""]
            pages.append((words.joined(separator: "-") + ".1", page(command, words, visible(command))))
        }
        return pages
    }

    private static func page(_ command: JSON, _ words: [String], _ subcommands: [JSON]) -> String {
        let spoken = words.joined(separator: " ").replacingPrefix("git-", with: "git ")
        let abstract = command["abstract"]?.stringValue ?? ""
        var lines = [
            ".TH \"\(words.joined(separator: "-").uppercased())\" \"1\" \"\" \"git-ml \(Program.version)\" \"Git Manual\"",
            ".SH NAME", "\(escape(words.joined(separator: "-"))) \\- \(escape(abstract))", ".SH SYNOPSIS",
            synopsis(command, spoken, subcommands),
        ]
        if let discussion = command["discussion"]?.stringValue, !discussion.isEmpty {
            lines += [".SH DESCRIPTION", ".nf", escape(discussion), ".fi"]
        }
        if !subcommands.isEmpty {
            lines.append(".SH COMMANDS")
            for sub in subcommands {
                lines += [
                    ".TP", "\\fB\(escape(sub["commandName"]?.stringValue ?? ""))\\fR",
                    escape(sub["abstract"]?.stringValue ?? ""),
                ]
            }
        }
        let arguments = shown(command)
        if !arguments.isEmpty { lines.append(".SH OPTIONS") }
        for argument in arguments {
            lines += [".TP", heading(argument), escape(argument["abstract"]?.stringValue ?? "")]
        }
        lines += [
            ".SH EXIT STATUS", "0: done. 1: a plain \"no\". 128: failure. 129: wrong usage.", ".SH SEE ALSO",
            "git\\-mldata(1), git\\-mlrun(1), git\\-mlexplain(1), gitattributes(5), githooks(5)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func synopsis(_ command: JSON, _ spoken: String, _ subcommands: [JSON]) -> String {
        if !subcommands.isEmpty { return "\\fB\(escape(spoken))\\fR <command> [<options>]" }
        let parts = shown(command).map { argument in
            let text = heading(argument)
            let isOptional = argument["isOptional"]?.boolValue ?? true
            return isOptional ? "[\(text)]" : text
        }
        return "\\fB\(escape(spoken))\\fR " + parts.joined(separator: " ")
    }

    private static func heading(_ argument: JSON) -> String {
        let value = "\\fI<\(escape(argument["valueName"]?.stringValue ?? "value"))>\\fR"
        let dots = argument["isRepeating"]?.boolValue == true ? "..." : ""
        if argument["kind"]?.stringValue == "positional" { return value + dots }
        let names = (argument["names"]?.arrayValue ?? []).map { name in
            let dashes = name["kind"]?.stringValue == "long" ? "--" : "-"
            return "\\fB" + escape(dashes + (name["name"]?.stringValue ?? "")) + "\\fR"
        }
        let flag = argument["kind"]?.stringValue == "flag"
        return names.joined(separator: ", ") + (flag ? "" : " " + value + dots)
    }

    private static func visible(_ command: JSON) -> [JSON] {
        (command["subcommands"]?.arrayValue ?? []).filter {
            $0["shouldDisplay"]?.boolValue != false && $0["commandName"]?.stringValue != "help"
        }
    }

    private static func shown(_ command: JSON) -> [JSON] {
        (command["arguments"]?.arrayValue ?? []).filter { $0["shouldDisplay"]?.boolValue != false }
    }

    private static func escape(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\e"
            case "-": out += "\\-"
            default: out.append(character)
            }
        }
        // A line that begins with a dot or a quote would be a request.
        return out.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&" + $0 : String($0) }.joined(separator: "\n")
    }
}
