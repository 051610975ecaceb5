"""Draws series of numbers over the same time below each other, as SVG."""

WIDTH, HEIGHT, LEFT, GAP, TOP = 900, 110, 90, 34, 40


def write(path, title, panels):
    """panels: a name and its points (seconds, value), each."""
    last = max(x for _, points in panels for x, _ in points) or 1
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" '
             f'height="{TOP + len(panels) * (HEIGHT + GAP)}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
    for number, (name, points) in enumerate(panels):
        top = TOP + number * (HEIGHT + GAP)
        most = max(value for _, value in points) or 1
        line = " ".join(f"{LEFT + x / last * WIDTH:.1f},{top + HEIGHT - value / most * HEIGHT:.1f}" for x, value in points)
        parts += [f'<text x="{LEFT}" y="{top - 4}">{name}</text>',
                  f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
                  f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="1"/>',
                  f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.1f}</text>',
                  f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
                  f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 12}" text-anchor="end">{last:,.0f} s</text>']
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>"]) + "\n")
