"""What every scenario promises: what stands there, what the ground is, and its relief, measured on the true ground."""

from functools import cache
from itertools import count

import numpy as np
import pytest

from autonomy_perception.simulation.scenarios import SCENARIOS
from autonomy_perception.simulation.sensors.rig import load_rig
from autonomy_perception.simulation.world.materials import Kind, Material, Semantic
from autonomy_perception.simulation.world.motion import times
from autonomy_perception.simulation.world.truck import demo_vehicle, mounting
from autonomy_perception.simulation.world.world import World

PROMISED = {  # kinds of structures and of ground: in every world, in some worlds
    "demo": ("TREE BUSH ROCK POST SIGN POLE RAIL BUILDING", "ROAD SHOULDER TRACK GRASS DITCH", "", ""),
    "highway": ("BARRIER RAIL POST SIGN TREE BUSH", "ROAD SHOULDER GRASS DITCH", "BRIDGE CONE DEBRIS", ""),
    "rural": ("TREE BUSH POST RAIL SIGN POLE ROCK", "ROAD SHOULDER GRASS", "FENCE CROP BUILDING LOG", "DITCH SNOW MUD WATER"),
    "gravel": ("TREE BUSH ROCK FENCE POLE", "GRAVEL_ROAD SHOULDER GRASS DITCH", "CROP BUILDING LOG", "WATER MUD"),
    "track": ("TREE BUSH ROCK LOG", "TRACK SOIL MUD WATER", "", "SNOW"),
    "quarry": ("ROCK TREE", "TRACK SOIL MUD WATER", "BUILDING", ""),
    "yard": ("BUILDING FENCE POLE SIGN CONE DEBRIS TREE BUSH", "YARD SHOULDER GRASS WATER", "", ""),
    "junction": ("TRAFFIC_LIGHT SIGN POLE BUILDING TREE BUSH", "ROAD SIDEWALK GRASS", "", ""),
}  # fmt: skip


@cache
def built(name, seed):
    """A world of one second: short roads, quickly laid out."""
    scenario = SCENARIOS[name]
    return scenario.build(np.random.default_rng(seed), demo_vehicle(), times(max(1.0, scenario.shortest_s)))


def first(name, wanted):
    """The first world in which something is that not every seed draws."""
    return next(w for w in (built(name, seed) for seed in count()) if wanted(w))


def main_road(world):
    return world.ground.roads[-1]


def z(world, s, d, road=None):
    """Elevation [m] at coordinates along a road."""
    way = (road or main_road(world)).way
    return world.ground.height(way.xy(*np.broadcast_arrays(np.asarray(s, float), np.asarray(d, float))))


def semantic(world, xy):
    return world.ground.at(world.ground.look(xy)[1]).semantic


def strip(world, reach, step=0.6):
    """Points (N,2) within a distance [m] of the main road, and their coordinates along it."""
    way = main_road(world).way
    s, d = (a.ravel() for a in np.meshgrid(np.arange(5.0, way.length - 5.0, step), np.arange(-reach, reach, step)))
    return way.xy(s, d), s, d


def kinds(world):
    return {s.kind for s in world.furnishing.structures}


def middle(world, margin=40.0, step=0.25):
    return np.arange(margin, main_road(world).way.length - margin, step)


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n != "demo"])  # which takes as long as three others
def test_what_stands_and_lies_there(name):
    check_always(name, 0)


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_stands_and_lies_there_in_some_worlds(name):
    things, grounds = set(), set()
    for seed in range(12):
        found = check_always(name, seed)
        things |= found[0]
        grounds |= found[1]
    _, _, some_things, some_grounds = PROMISED[name]
    assert things >= {Kind[k] for k in some_things.split()}
    assert grounds >= {Semantic[k] for k in some_grounds.split()}


def check_always(name, seed):
    world, (things, grounds, *_) = built(name, seed), PROMISED[name]
    lie = {Semantic(x) for x in np.unique(semantic(world, strip(world, 90.0 if name == "yard" else 30.0)[0]))}
    assert not {Kind[k] for k in things.split()} - kinds(world), seed
    assert not {Semantic[k] for k in grounds.split()} - lie, seed
    return kinds(world), lie


def kerb(world):
    """10 to 14 cm, but none where the other road crosses."""
    half = main_road(world).section.left
    for side in (-1.0, 1.0):
        away = np.r_[np.arange(20.0, 150.0, 0.7), np.arange(250.0, 380.0, 0.7)]
        up = z(world, away, side * (half + 0.3)) - z(world, away, side * (half - 0.05))
        assert np.percentile(up, 2) > 0.085
        assert np.percentile(up, 98) < 0.145
        crossing = np.arange(198.5, 201.5, 0.2)
        assert np.abs(z(world, crossing, side * (half + 0.3)) - z(world, crossing, side * (half - 0.05))).max() < 0.03
        at = main_road(world).way.xy(away, np.full_like(away, side * (half + 1.0)))
        assert np.all(semantic(world, at) == Semantic.SIDEWALK)


def washboard(world):
    """Ripples of 0.8 to 1.0 m, 8 to 20 mm in places, in the wheel tracks: nothing else is as regular."""
    section, s = main_road(world).section, middle(world, step=0.1)
    spectra = [
        np.abs(np.fft.rfft(z(world, s, lane + w) * np.hanning(len(s)))) for lane in section.lanes for w in (-0.95, 0.95)
    ]
    wavelength = (len(s) * 0.1) / np.arange(1, len(spectra[0]))
    power = np.mean(np.square(spectra), 0)[1:]
    short = wavelength < 1.6
    assert 0.78 < wavelength[short][power[short].argmax()] < 1.02
    ripples = power[(wavelength > 0.78) & (wavelength < 1.02)].sum()
    amplitude = np.sqrt(4.0 * ripples / (len(s) * (np.hanning(len(s)) ** 2).sum()))
    assert 0.003 < amplitude < 0.02


def ruts(world):
    """Where wheels run, deeper than between them: 6 to 16 cm on the forest track, 2 to 5 cm on gravel."""
    section, s = main_road(world).section, middle(world)
    lane = section.lanes[0]
    depth = np.median(z(world, s, lane) - 0.5 * (z(world, s, lane - 0.95) + z(world, s, lane + 0.95)))
    low, high = (0.06, 0.16) if len(section.lanes) == 1 else (0.02, 0.05)
    assert low <= section.ruts <= high
    assert 0.6 * section.ruts - 0.003 < depth < 1.2 * section.ruts + 0.003  # the mesh rounds them


def bank(world):
    """The fall of the track to one side."""
    s = middle(world)
    across = np.median(z(world, s, 1.5) - z(world, s, -1.5)) / 3.0
    assert across == pytest.approx(main_road(world).section.bank, abs=0.008)
    assert abs(across) < 0.068


def berm(world):
    """A bank of 0.8 to 1.4 m along both sides of the haul road, with gaps."""
    s = np.arange(85.0, main_road(world).way.length - 45.0, 0.5)
    for side in (-1.0, 1.0):
        height = z(world, s, side * 7.7) - 0.5 * (z(world, s, side * 6.0) + z(world, s, side * 9.4))
        assert np.mean(height > 0.5) > 0.6
        assert 0.7 < np.percentile(height, 75) < 1.6


def climb(world):
    """The haul road climbs at 10 to 16 % to the bench above, 6 to 9 m higher; faces beside it are steeper than 25 %."""
    s = np.arange(5.0, main_road(world).way.length - 5.0, 1.0)
    smooth = np.convolve(z(world, s, 0.0), np.full(9, 1 / 9), "valid")
    assert 0.09 < np.percentile(np.gradient(smooth), 90) < 0.19
    assert 5.0 < smooth[-20:].mean() - smooth[:40].mean() < 12.0
    x, y = np.meshgrid(np.arange(-110.0, 110.0, 2.0), np.arange(-110.0, 110.0, 0.5), indexing="ij")
    steep = np.abs(np.gradient(world.ground.height(np.stack([x, y], -1)), 0.5, axis=1))
    assert np.mean(steep > 0.25) > 0.03


def ditch(world):
    """0.4 m deep at least, below the road, on each side that has one."""
    road, s = main_road(world), middle(world, step=1.0)
    assert road.section.ditches
    for one in road.section.ditches:
        floor = road.section.left + road.section.shoulders[0] + one.begin + one.slope + 0.5 * one.floor
        assert np.median(z(world, s, one.side * road.section.left) - z(world, s, one.side * floor)) > 0.4
        at = road.way.xy(s, np.full_like(s, one.side * floor))
        assert np.mean(semantic(world, at) == Semantic.DITCH) > 0.6


FEATURES = [
    ("junction", kerb),
    ("gravel", washboard),
    ("gravel", ruts),
    ("gravel", ditch),
    ("track", ruts),
    ("track", bank),
    ("quarry", berm),
    ("quarry", climb),
    ("demo", ditch),
]


@pytest.mark.parametrize(("name", "check"), [f for f in FEATURES if f[0] != "demo"])
def test_relief(name, check):
    check(built(name, 0))


@pytest.mark.long
@pytest.mark.parametrize(("name", "check"), FEATURES)
def test_relief_whatever_the_seed(name, check):
    for seed in range(1, 8):
        check(built(name, seed))


@pytest.mark.long
def test_the_track_falls_to_either_side():
    banks = [main_road(built("track", seed)).section.bank for seed in range(12)]
    assert min(banks) < -0.01
    assert max(banks) > 0.01


@pytest.mark.parametrize("name", ["track", pytest.param("rural", marks=pytest.mark.long)])
def test_snow_lies_beside_the_road_and_is_deep(name):
    """Up to 0.25 m and more; never on the road itself, which is cleared."""
    world = first(name, lambda w: any(p.semantic == Semantic.SNOW for p in w.ground.patches))
    xy, _, d = strip(world, 20.0)
    snow = semantic(world, xy) == Semantic.SNOW
    assert 0.01 < snow.mean() < 0.6
    half = main_road(world).section.left
    assert not snow[np.abs(d) < half].any()
    form = next(p for p in world.ground.patches if p.semantic == Semantic.SNOW)
    deep = snow & (form.field(xy) > 0.6) & (np.abs(d) > half + 1.5)
    raised = world.ground.height(xy[deep]) - form.form(xy[deep], world.ground.height(xy[deep]), form.field(xy[deep]))
    assert np.median(raised) < -0.15


def test_an_exit_leaves_a_gore_behind():
    """The ramp begins beside the lane; between the two a wedge opens that is paved first, then grass."""
    world = first("highway", lambda w: len(w.ground.roads) == 2)
    ramp, main = world.ground.roads
    s, d = main.way.project(ramp.way.points)
    wide = []
    for k in range(0, len(s), 4):
        across = np.linspace(-main.section.right + 3.0, d[k], 60)  # from the right lane to the middle of the ramp
        wide.append(np.mean(semantic(world, main.way.xy(np.full(60, s[k]), across)) != Semantic.ROAD) * np.ptp(across))
    wide = np.array(wide)
    assert wide[: len(wide) // 3].max() < 0.1
    assert wide[-1] > 6.0
    assert np.all(np.diff(wide[wide > 0.5]) > -0.5)
    painted = [world.ground.at(world.ground.look(ramp.way.xy(np.arange(30.0, 100.0, 0.5), x))[1]) for x in (2.55, -2.1)]
    assert any(np.mean(p.material == Material.MARKING) > 0.5 for p in painted)


def test_one_can_drive_under_a_bridge():
    world = first("highway", lambda w: Kind.BRIDGE in kinds(w))
    bridge = next(s for s in world.furnishing.structures if s.kind == Kind.BRIDGE)
    road = main_road(world)
    triangles = bridge.solid.vertices[bridge.solid.faces]
    s, d = (a.reshape(triangles.shape[:2]) for a in road.way.project(triangles[..., :2].reshape(-1, 2)))
    over = (d.min(1) < road.section.right) & (d.max(1) > -road.section.right)  # of the deck: all that crosses the road
    at = np.linspace(s[over].min(), s[over].max(), 20)
    top = max(np.nanmax(z(world, at, x)) for x in np.linspace(-road.section.right, road.section.left, 9))
    assert 4.6 < triangles[over][..., 2].min() - top < 5.7


def test_the_hall_has_docks_below_a_canopy():
    world = built("yard", 0)
    hall = max((s for s in world.furnishing.structures if s.kind == Kind.BUILDING), key=lambda s: len(s.solid.faces))
    faces = hall.solid.vertices[hall.solid.faces]
    doors = faces[np.asarray(hall.solid.material) == Material.DARK_METAL]
    floor = float(world.ground.height(np.array([40.0, 0.0])))
    assert len(np.unique(np.round(doors[..., 1].mean(1) / 4.2, 1))) >= 19
    assert 0.6 < doors[..., 2].min() - floor < 1.7  # height of a loading floor
    canopy = faces[np.asarray(hall.solid.material) == Material.CONCRETE]
    assert 4.3 < canopy[..., 2].min() - floor < 5.7
    assert canopy[..., 0].min() < 46.0  # 2 m out of the front over the yard
    docked = [p for p in world.plans if p.name == "docked trailer"]
    assert docked
    assert all(47.0 < p.xy[0, 0] + 0.5 * p.shape.size[0] < 48.0 for p in docked)


def test_the_semi_truck_looks_from_its_mirrors():
    """Lidars and cameras on the arms: outside the cab, the same on both sides, cameras back along the trailer and down."""
    vehicle = load_rig("semi_truck").vehicle
    mounts = {n: mounting(s.extrinsics, n) for n, s in {**vehicle.lidars, **vehicle.cameras}.items()}
    for left, right in (("left", "right"), ("left_mirror", "right_mirror")):
        a, b = mounts[left][:3, 3], mounts[right][:3, 3]
        np.testing.assert_allclose(a * [1, -1, 1], b, atol=1e-9)
        assert 0.5 * vehicle.dimensions.width < a[1] < 0.5 * vehicle.dimensions.width + 0.4
        assert vehicle.dimensions.wheelbase < a[0] < vehicle.dimensions.front
    a, b = (mounts[n][:3, 2] for n in ("left_mirror", "right_mirror"))  # the optical axes
    np.testing.assert_allclose(a * [1, -1, 1], b, atol=0.01)
    assert a[0] < -0.5
    assert a[2] < -0.2


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n == "yard" else pytest.mark.long) for n in SCENARIOS])
def test_every_scenario_takes_a_tractor_with_a_trailer_of_12_m(name):
    vehicle = load_rig("semi_truck").vehicle
    world = World(3, vehicle, name, 5.0)
    assert world.trailer.shape.size[0] == pytest.approx(vehicle.hitch.trailer_length, abs=0.1)
    assert world.actors
