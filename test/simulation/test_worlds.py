"""Worlds of every scenario: repeatable, free of collisions, with drivers who keep to the rules of motion."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from autonomy_perception.config import Hitch
from autonomy_perception.simulation.rays.scene import Scene, join
from autonomy_perception.simulation.scenarios import MIX, MIXED, SCENARIOS, draw
from autonomy_perception.simulation.world import motion, shapes
from autonomy_perception.simulation.world.actors import place
from autonomy_perception.simulation.world.materials import Kind, Semantic
from autonomy_perception.simulation.world.motion import NoRoom, collision, standing, swing, times
from autonomy_perception.simulation.world.truck import demo_vehicle, ego_shape
from autonomy_perception.simulation.world.ways import Way
from autonomy_perception.simulation.world.world import World
from autonomy_perception.types import ObjectClass


def with_trailer():
    hitch = Hitch(x=0.4, trailer_front=1.0, trailer_length=9.0, trailer_width=2.5, trailer_height=1.6)
    return demo_vehicle().model_copy(update={"hitch": hitch})


@cache
def staged(name, seed, duration=18.0):
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])
    return draw(name, seed).build(rng, with_trailer(), times(max(duration, draw(name, seed).shortest_s)))


def corners(plan, moments):
    """Corners (T,4,2) of the footprint, mirrors included."""
    length, width, _ = plan.shape.size
    ahead = np.stack([np.cos(plan.yaw[moments]), np.sin(plan.yaw[moments])], -1)
    aside = (0.5 * width + plan.shape.mirrors) * np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    ends = [plan.xy[moments] + x * length * ahead for x in (-0.5, 0.5)]
    return np.stack([ends[0] - aside, ends[1] - aside, ends[1] + aside, ends[0] + aside], 1)


def overlap(a, b):
    """Whether two rectangles (T,4,2) ever overlap: no edge of either has all of the other on its outer side."""
    apart = np.zeros(len(a), np.bool_)
    for one, other in ((a, b), (b, a)):
        for k in range(4):
            edge = one[:, (k + 1) % 4] - one[:, k]
            to = other - one[:, None, k]
            apart |= (edge[:, None, 0] * to[..., 1] - edge[:, None, 1] * to[..., 0] < 0.0).all(1)
    return not apart.all()


def check_apart(staging):
    """Every 50 ms; of the same vehicle (tractor and trailer) not."""
    plans = [*staging.own.plans, *staging.plans]
    group = [-1 if k < len(staging.own.plans) else p.group for k, p in enumerate(plans)]
    boxes = [corners(p, slice(None, None, 5)) for p in plans]
    low, high = (np.array([how(b, (0, 1)) for b in boxes]) for how in (np.min, np.max))
    for k in range(len(plans)):
        for j in range(k):
            if group[j] != group[k] and np.all(low[j] < high[k]) and np.all(low[k] < high[j]):
                assert not overlap(boxes[j], boxes[k]), (plans[j].name, plans[k].name)
    assert staging.ground.inside(staging.own.xy, 25.0).all()


def check_clear(staging):
    """No ray from end to end or from side to side of anybody's body, 0.3 m above the ground and higher, meets what stands."""
    scene = Scene(join([s.solid for s in staging.furnishing.structures if s.solid]))
    for plan in [*staging.own.plans, *staging.plans]:
        t = times()[: len(plan.xy)]
        actor = place(1, plan, staging.ground, t)
        half = 0.5 * plan.shape.size[:2] + [-0.01, plan.shape.mirrors - 0.01]
        heights = np.unique(np.clip([0.3, 0.6, 0.95, plan.shape.size[2] - 0.1], None, plan.shape.size[2] - 0.05))
        ends = np.stack(np.meshgrid(-1.0, np.linspace(-1, 1, 2 + int(half[1] / 0.05)), heights), -1).reshape(-1, 3)
        sides = np.stack(np.meshgrid(np.linspace(-1, 1, 2 + int(half[0] / 0.2)), -1.0, heights), -1).reshape(-1, 3)
        poses = actor.path.poses(t[actor.there][:: 10 if plan.moving else 2000])
        if len(poses) == 0:
            continue
        for start, axis in ((ends, 0), (sides, 1)):
            local = start * [half[0], half[1], 1.0]
            origins = np.einsum("tij,nj->tni", poses[:, :3, :3], local) + poses[:, None, :3, 3]
            directions = np.repeat(poses[:, None, :3, axis], len(local), 1)
            distance = scene.distance(origins.reshape(-1, 3), directions.reshape(-1, 3))
            met = np.argmax(distance < 2 * half[axis])
            where = origins.reshape(-1, 3)[met] + distance[met] * directions.reshape(-1, 3)[met]
            assert distance[met] >= 2 * half[axis], f"{plan.name} meets what stands at {where.round(2)}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_touches_anybody(name):
    check_apart(staged(name, 7))


@pytest.mark.parametrize(("name", "seed"), [*((name, 7) for name in SCENARIOS), ("rural", 1), ("junction", 3)])
def test_nobody_passes_through_what_stands(name, seed):
    """Rural 1: a cyclist passes a guard rail; junction 3: the own trailer cuts a corner."""
    check_clear(staged(name, seed))


def test_boxes_touch_at_their_corners_and_pass_side_by_side():
    truck = ego_shape(demo_vehicle().dimensions)
    length, width, _ = truck.size
    t = times(0.0)

    def touch(x, y, yaw=0.0):
        there = [standing("one", truck, t, xy, turn) for xy, turn in (((0.0, 0.0), 0.3), ((x, y), 0.3 + yaw))]
        return collision(there[:1], there[1:])

    along, across = np.array([np.cos(0.3), np.sin(0.3)]), np.array([-np.sin(0.3), np.cos(0.3)])
    assert touch(*((length - 0.3) * along + (width - 0.3) * across)) == "one / one"  # only their corners overlap
    assert touch(*((length + 0.2) * along)) == "one / one"  # nearer than 0.25 m
    assert touch(*((length + 0.3) * along)) is None
    assert touch(*((width + 0.3) * across)) is None
    assert touch(*((0.5 * (length + width) + 0.2) * along), np.pi / 2) == "one / one"
    assert touch(*((0.5 * (length + width) + 0.3) * along), np.pi / 2) is None
    car = shapes.car(np.random.default_rng(0), "sedan")
    beside = [standing("car", car, t, (0.0, y), 0.0) for y in (0.0, car.size[1] + 0.3)]
    assert collision(beside[:1], beside[1:]) == "car / car"  # their mirrors would overlap


def check_work_zone(staging):
    """Beacons and cones stand, but for those where a worker walks or somebody left the lane at the last moment."""
    things = [s.solid.vertices for s in staging.furnishing.structures if s.kind == Kind.CONE]
    assert any(p.name == "work truck" for p in staging.plans) == bool(things)
    if things:
        high = np.array([np.ptp(v[:, 2]) > 1.0 for v in things])
        assert 5 <= np.count_nonzero(high) <= 6
        assert np.count_nonzero(~high) >= 7


@pytest.mark.parametrize("seed", [1, 7])
def test_a_work_zone_closes_its_lane(seed):
    staging = staged("highway", seed, 18.0 if seed == 7 else 1.0)
    check_work_zone(staging)
    check_clear(staging)
    assert Kind.CONE in {s.kind for s in staging.furnishing.structures}


def check_cut_in(staging):
    """The car that cuts in gets within 25 m ahead of the ego, in its lane."""
    own, way = staging.own, staging.ground.roads[-1].way
    car = next(p for p in staging.plans if p.name == "car cutting in")
    (s, d), (own_s, own_d) = (way.project(xy[::10]) for xy in (car.xy, own.body.xy))
    gap = s - own_s - 0.5 * (car.shape.size[0] + own.body.shape.size[0])
    assert np.any((gap > 0.0) & (gap < 25.0) & (np.abs(d - own_d) < 1.5))


def test_somebody_cuts_in_on_a_highway():
    check_cut_in(staged("highway", 0, motion.STORY_S))


def test_the_ego_stays_on_the_ground_of_a_long_drive():
    staging = staged("junction", 36, motion.STORY_S)
    assert staging.own.xy[-1, 0] > 200.0  # straight on
    check_apart(staging)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_touches_anybody_or_anything_whatever_the_seed(name):
    for seed in range(300, 325):
        staging = staged.__wrapped__(name, seed, motion.STORY_S)
        check_apart(staging)
        check_clear(staging)
        if name == "highway":
            check_work_zone(staging)
            check_cut_in(staging)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_ego_drives_like_a_truck(name):
    own = staged(name, 7).own
    speed = np.linalg.norm(np.gradient(own.xy, motion.STEP_S, axis=0), axis=1)
    assert speed.max() < 26.0
    smooth = np.convolve(np.gradient(speed, motion.STEP_S), np.full(20, 0.05), "valid")
    assert smooth.min() > -5.0
    assert smooth.max() < 2.5
    turn = np.gradient(np.unwrap(own.yaw), motion.STEP_S)
    assert np.abs(speed * turn)[50:-50].max() < 3.5  # lateral acceleration
    angle = own.trailer.yaw - own.yaw
    assert np.abs(angle).max() < np.radians(75.0)


@pytest.fixture(scope="module")
def world():
    return World(3, with_trailer(), "demo")


def test_a_world_is_drawn_from_its_seed_alone(world):
    again = World(3, with_trailer(), "demo")
    np.testing.assert_array_equal(world.terrain.mesh.vertices, again.terrain.mesh.vertices)
    np.testing.assert_array_equal(world.solid.mesh.vertices, again.solid.mesh.vertices)
    np.testing.assert_array_equal(world.ego.position, again.ego.position)
    for a, b in zip(world.actors, again.actors, strict=True):
        np.testing.assert_array_equal(a.path.position, b.path.position)
    assert world.landmarks == again.landmarks
    assert len(world.markings) == 3
    assert np.any(staged("demo", 7).own.xy[-1] != world.ego.position[-1, :2])


def test_a_seed_that_leaves_no_room_is_drawn_anew_the_same_way_every_time(monkeypatch):
    yard, draws = SCENARIOS["yard"], []

    def crowded_twice(rng, vehicle, t):
        draws.append(rng.bit_generator.state["state"]["state"])
        if len(draws) % 3:
            raise NoRoom("a / b")
        return yard.build(rng, vehicle, t)

    as_ever = np.random.default_rng(np.random.SeedSequence(5).spawn(2)[0]).bit_generator.state["state"]["state"]
    monkeypatch.setitem(SCENARIOS, "yard", replace(yard, build=crowded_twice))
    one, two = (World(5, with_trailer(), "yard", 1.0) for _ in range(2))
    assert draws[0] == as_ever
    assert len(set(draws[:3])) == 3
    assert draws[:3] == draws[3:]
    np.testing.assert_array_equal(one.solid.mesh.vertices, two.solid.mesh.vertices)
    monkeypatch.setitem(SCENARIOS, "yard", replace(yard, build=lambda *_: (_ for _ in ()).throw(NoRoom("a / b"))))
    with pytest.raises(ValueError, match=r"scenario yard, seed 5, vehicle .*no room in 8 draws.* a / b"):
        World(5, with_trailer(), "yard", 1.0)


def check_story(world):
    """What the demo tells, seen from the ego's own path: cut in, stepped out, turned off, bent."""
    t = np.arange(0.0, 34.0, 0.1)
    path = world.ego.poses(np.arange(-0.4, 34.4, 0.02))[:, :2, 3]
    own = Way(path[np.r_[True, np.linalg.norm(np.diff(path, axis=0), axis=1) > 1e-3]])
    base = own.project(world.ego.poses(t)[:, :2, 3])[0]

    def seen(actor):
        """How far somebody is ahead along the ego's path, and to its left [m], at the times."""
        s, d = own.project(actor.path.poses(t)[:, :2, 3])
        return s - base, d

    def cuts_in(actor):
        ahead, left = seen(actor)
        beside = np.flatnonzero((np.abs(ahead) < 6.0) & (left > 2.5) & (left < 4.5))
        back = np.flatnonzero((np.abs(left) < 1.0) & (ahead > 5.0) & (ahead < 35.0))
        return ahead[0] < -8.0 and len(beside) > 0 and np.any(back > beside[-1])

    def steps_out(actor):
        ahead, left = seen(actor)
        inside = np.flatnonzero((np.abs(left) < 1.6) & (ahead > 5.0) & (ahead < 60.0))
        return len(inside) > 5 and np.abs(left[: inside[0]]).max() > 2.0

    assert sum(cuts_in(a) for a in world.actors if a.shape.label == ObjectClass.CAR) == 1
    assert any(steps_out(a) for a in world.actors if a.shape.label == ObjectClass.PEDESTRIAN)
    ground = world.surface_at(world.ego.poses(np.array([2.0, 15.0, 33.5]))[:, :2, 3])[2].semantic
    assert ground.tolist() == [Semantic.ROAD, Semantic.ROAD, Semantic.TRACK]
    beside = world.ego.poses(np.array([33.5])) @ np.array([[-4.0, 1.0, 0.0, 1.0], [-4.0, -1.0, 0.0, 1.0]]).T
    assert np.all(world.surface_at(beside[0, :2].T)[2].semantic == Semantic.TRACK)  # all of it, not one wheel
    assert np.abs(world.hitch_angle(t)).max() > np.radians(5.0)


def test_the_demo_tells_its_story(world):
    check_story(world)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 11, 42])
def test_the_demo_tells_its_story_whatever_the_seed(seed):
    check_story(World(seed, with_trailer(), "demo"))


def test_names_are_checked():
    with pytest.raises(ValueError, match=r"scenario 'moon': expected one of demo, highway.*mix"):
        World(0, with_trailer(), "moon")
    with pytest.raises(ValueError, match="duration_s of scenario demo"):
        World(0, with_trailer(), "demo", 60.0)
    assert len({draw(MIX, seed).name for seed in range(60)}) == len(MIXED) == len(SCENARIOS)
    assert draw(MIX, 3) is draw(MIX, 3)


def test_a_trailer_on_a_circle_settles_at_the_known_angle():
    """On a circle of radius r a trailer of length L, pulled at its axle line, trails by asin(L / r)."""
    r, length = 20.0, 7.0
    phi = np.linspace(0.0, 6.0 * np.pi, 60_000)
    yaw = swing(r * np.column_stack([np.cos(phi), np.sin(phi)]), np.pi / 2, length)
    behind = phi[-1] + np.pi / 2 - yaw[-1]
    assert behind == pytest.approx(np.arcsin(length / r), abs=1e-3)


def test_the_own_trailer_hangs_on_the_hitch_and_bends(world):
    vehicle = with_trailer()
    t = np.linspace(0.0, 33.0, 100)
    pin = world.ego.poses(t) @ np.array([vehicle.hitch.x, 0.0, 0.0, 1.0])
    eye = world.trailer.path.poses(t) @ np.array([world.trailer.shape.pin, 0.0, 0.0, 1.0])
    assert np.abs(pin - eye)[:, :2].max() < 0.1  # pitch and roll of each body move them a little
    assert np.abs(world.hitch_angle(t)).max() > np.radians(5.0)
