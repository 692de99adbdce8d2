/// What a terminal can show; whoever owns the terminal decides.
public enum ColourDepth: Sendable {
    /// Plain text: no escape sequences at all.
    case none
    /// The 256 colours of xterm.
    case palette256
    /// 24 bits.
    case truecolor
}

/// The look of a piece of text. Nothing of it carries meaning alone: with `ColourDepth.none` it disappears.
public struct Style: Hashable, Sendable {
    /// The eight colours every terminal theme defines; the theme picks the shade.
    public enum Colour: Int, Sendable {
        case black, red, green, yellow, blue, magenta, cyan, white
    }

    public var bold: Bool
    public var dim: Bool
    public var underline: Bool
    public var colour: Colour?

    public init(bold: Bool = false, dim: Bool = false, underline: Bool = false, colour: Colour? = nil) {
        self.bold = bold
        self.dim = dim
        self.underline = underline
        self.colour = colour
    }

    public static let plain = Style()
    public static let bold = Style(bold: true)
    public static let dim = Style(dim: true)

    /// `text` between the escape sequences of this style (ECMA-48 SGR), or as it is when there is nothing to set.
    public func apply(_ text: String, colour depth: ColourDepth) -> String {
        var codes: [String] = []
        if bold { codes.append("1") }
        if dim { codes.append("2") }
        if underline { codes.append("4") }
        if let colour { codes.append(String(30 + colour.rawValue)) }
        guard depth != .none, !codes.isEmpty, !text.isEmpty else { return text }
        return "\u{1b}[\(codes.joined(separator: ";"))m\(text)\u{1b}[0m"
    }
}

/// A colour of 3×8 bits.
public struct RGB: Hashable, Sendable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// From hue in degrees, saturation and lightness in percent, as CSS defines `hsl()` (CSS Color Module Level 4, §7).
    public init(hue: Double, saturation: Double, lightness: Double) {
        let s = saturation / 100
        let l = lightness / 100
        func channel(_ n: Double) -> UInt8 {
            let k = (n + hue / 30).truncatingRemainder(dividingBy: 12)
            let value = l - s * min(l, 1 - l) * max(-1, min(k - 3, 9 - k, 1))
            return UInt8(max(0, min(255, (value * 255).rounded())))
        }
        self.init(channel(0), channel(8), channel(4))
    }

    /// The nearest of xterm's 6×6×6 cube and 24 greys, as its number in the palette (16…255). The first 16 are left
    /// out since themes redefine them.
    public var paletteIndex: Int {
        let steps: [Int] = [0, 95, 135, 175, 215, 255]
        func nearest(_ value: UInt8) -> Int {
            steps.indices.min { abs(steps[$0] - Int(value)) < abs(steps[$1] - Int(value)) } ?? 0
        }
        let cube = (nearest(red), nearest(green), nearest(blue))
        let mean = (Int(red) + Int(green) + Int(blue)) / 3
        let grey = max(0, min(23, (mean - 3) / 10))
        let level = 8 + 10 * grey
        let cubeDistance = distance(steps[cube.0], steps[cube.1], steps[cube.2])
        if distance(level, level, level) < cubeDistance { return 232 + grey }
        return 16 + 36 * cube.0 + 6 * cube.1 + cube.2
    }

    private func distance(_ r: Int, _ g: Int, _ b: Int) -> Int {
        let d = (Int(red) - r, Int(green) - g, Int(blue) - b)
        return d.0 * d.0 + d.1 * d.1 + d.2 * d.2
    }
}
