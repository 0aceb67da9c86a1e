"""Volumes and points in space, drawn with matplotlib."""
from minidl.train import plots


def panels(rows, columns, title, width=2.2):
    """A figure, and an empty space for each cell: a list of rows."""
    picture = plots.figure(columns * width, rows * width + 0.4)
    grid = [[picture.add_subplot(rows, columns, row * columns + column + 1, projection="3d")
             for column in range(columns)] for row in range(rows)]
    for axes in (axes for row in grid for axes in row):
        axes.set_axis_off()
    picture.suptitle(title)
    return picture, grid


def voxels(axes, volume, colors, title="", turn=215, zoom=1.5):
    """Filled voxels of a volume (D, H, W) of bools; colors: one for all, or an array of names (D, H, W)."""
    axes.voxels(volume, facecolors=colors, edgecolors="0.4", linewidth=0.1)
    _frame(axes, title, [(0, side) for side in volume.shape], turn, zoom)


def points(axes, cloud, colors, title="", sizes=4, turn=215):
    """Points (3, P)."""
    axes.scatter(*cloud, s=sizes, c=colors, depthshade=False, linewidths=0)
    _frame(axes, title, [(-1, 1)] * 3, turn)


def _frame(axes, title, limits, turn, zoom=1.5):
    axes.set_title(title, y=1.0, fontsize=9)
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    axes.set_box_aspect([high - low for low, high in limits], zoom=zoom)
    axes.view_init(30, turn)


def key(picture, colors):
    """Names and their colours, below the panels."""
    for name, color in colors.items():
        picture.axes[0].scatter([], [], [], color=color, label=name)
    picture.legend(loc="outside lower center", ncols=len(colors))
