/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The address spaces that sys_process.c walks: maps, objects, pages and the file that is mapped.
 */
#include "image.h"

struct machine pr_machine[PR_PROCS];

/* ---- what there is ---- */

static void link_object(struct vm_object* o, struct vm_object* backing, int behind) {
  o->backing_object = backing;
  o->backing_object_offset = IDX_TO_OFF(behind);
}

void pr_make_memory(int slot) {
  struct machine* m = &pr_machine[slot];
  struct vm_map* map = &m->space.vm_map;
  for (int page = 0; page < PAGES; page++) {
    m->page[page].shim_bytes = m->bytes[page];
    m->page[page].shim_slot = slot;
    m->page[page].shim_va = MEMORY_AT + page * PAGE_SIZE;
    for (int i = 0; i < PAGE_SIZE; i++)
      m->bytes[page][i] = ((i * 5 + slot * 37 + page * 11 + (i >> 7) + 1) & 0x7f) | ((i & 7) == 7 ? 0x80 : 0);
  }
  /* The first page is where one looks first, the second in the object behind; the third entry maps a file likewise. */
  m->top.shim_pages[0] = &m->page[0];
  m->bottom.shim_first = 3;
  m->bottom.shim_pages[1] = &m->page[1];
  link_object(&m->top, &m->bottom, 3);
  link_object(&m->shadowing, &m->file, 2);
  m->file.type = OBJT_VNODE;
  m->file.handle = &m->vnode;
  m->top.ref_count = m->bottom.ref_count = m->shadowing.ref_count = m->file.ref_count = m->vnode.v_usecount = 1;
  struct vm_map_entry *e = m->entry, *last = &map->header;
  e[0].start = MEMORY_AT, e[0].end = MEMORY_AT + PAGES * PAGE_SIZE, e[0].object.vm_object = &m->top;
  e[0].protection = VM_PROT_ALL;
  e[1].start = 0x18000, e[1].end = 0x1a000, e[1].eflags = MAP_ENTRY_IS_SUB_MAP;
  e[2].start = 0x20000, e[2].end = 0x23000, e[2].offset = 0x1000, e[2].object.vm_object = &m->shadowing;
  e[2].protection = VM_PROT_READ | VM_PROT_EXECUTE;
  e[3].start = 0x30000, e[3].end = 0x31000, e[3].protection = VM_PROT_RW;
  e[4].start = 0x40000, e[4].end = 0x41000, e[4].eflags = MAP_ENTRY_IS_SUB_MAP;
  for (int i = 0; i < ENTRIES; last = &e[i++]) last->next = &e[i], e[i].prev = last;
  last->next = &map->header, map->header.prev = last;
  map->nentries = ENTRIES;
  map->timestamp = TIMESTAMP + slot;
  m->space.vm_refcnt = 1;
}

void pr_settle_memory(void) {
  for (int s = 0; s < PR_PROCS; s++) {
    struct machine* m = &pr_machine[s];
    m->top.shim_pages[1] = NULL;
    m->space.vm_refcnt = m->top.ref_count = m->bottom.ref_count = m->shadowing.ref_count = m->file.ref_count = 1;
    m->vnode.v_usecount = 1;
    for (int i = 0; i < PAGES; i++) m->page[i].hold_count = m->page[i].wire_count = 0;
  }
}

const char* pr_check_memory(int slot) {
  struct machine* m = &pr_machine[slot];
  const char* what = NULL;
  if (m->space.vm_refcnt != 1) what = "reference to a vmspace";
  if (m->top.ref_count + m->bottom.ref_count + m->shadowing.ref_count + m->file.ref_count != 4)
    what = "reference to a vm_object";
  if (m->vnode.v_usecount != 1) what = "reference to a vnode";
  for (int i = 0; i < PAGES; i++)
    if (m->page[i].hold_count != 0 || m->page[i].wire_count != 0) what = "hold of a page";
  m->top.shim_pages[1] = NULL;
  return what;
}

/* ---- maps, faults ---- */

static struct machine* machine_of(vm_map_t map, const char* where) {
  for (int s = 0; s < PR_PROCS; s++)
    if (map == &pr_machine[s].space.vm_map) return &pr_machine[s];
  complain("%s: not the map of a process", where);
  return NULL;
}
static int fault(struct machine* m, vm_offset_t va, int write) {
  pr_sleeps("vm_fault");
  pr_call->faulted_for_writing = write != 0;
  if (pr_memory_answer() == 1 && pr_call->fault_at == 0) return KERN_INVALID_ADDRESS;
  if (pr_memory_answer() == 3) return KERN_RESOURCE_SHORTAGE;
  if (va < MEMORY_AT || va >= MEMORY_AT + PAGES * PAGE_SIZE) return KERN_INVALID_ADDRESS;
  if (write) { /* the private copy of a page is in the first object */
    int page = (va - MEMORY_AT) >> PAGE_SHIFT;
    m->top.shim_pages[page] = &m->page[page];
  }
  return KERN_SUCCESS;
}
int vm_fault(vm_map_t map, vm_offset_t va, vm_prot_t prot, int flags) {
  return fault(machine_of(map, __func__), va, prot & VM_PROT_WRITE);
}
int vm_fault_hold(vm_map_t map, vm_offset_t va, vm_prot_t prot, int flags, vm_page_t* page) {
  struct machine* m = machine_of(map, __func__);
  if (((prot & VM_PROT_COPY) != 0) != (flags == VM_FAULT_DIRTY) || (flags != VM_FAULT_NORMAL && flags != VM_FAULT_DIRTY))
    complain("%s: a page that is copied is dirtied, another one is not (flags 0x%x)", __func__, flags);
  int error = fault(m, va, prot & (VM_PROT_WRITE | VM_PROT_COPY));
  if (error == KERN_SUCCESS && pr_memory_answer() == 1) error = KERN_INVALID_ADDRESS; /* it looks the page up too */
  if (error != KERN_SUCCESS) return error;
  *page = &m->page[(va - MEMORY_AT) >> PAGE_SHIFT];
  (*page)->hold_count++;
  return KERN_SUCCESS;
}
int vm_map_lookup(vm_map_t* map, vm_offset_t va, vm_prot_t prot, vm_map_entry_t* entry, vm_object_t* object,
                  vm_pindex_t* index, vm_prot_t* out_prot, boolean_t* wired) {
  struct machine* m = machine_of(*map, __func__);
  *object = &m->top; /* after a failure too: what is there then is nobody's reference */
  if (pr_memory_answer() == 1 && pr_call->fault_at == 1) return KERN_INVALID_ADDRESS;
  if (va < MEMORY_AT || va >= MEMORY_AT + PAGES * PAGE_SIZE) return KERN_INVALID_ADDRESS;
  shim_lock(*map, "vm_map", 1, 1);
  *entry = &m->entry[0];
  *object = &m->top;
  *index = OFF_TO_IDX(va - MEMORY_AT);
  *out_prot = m->entry[0].protection;
  *wired = 0;
  return KERN_SUCCESS;
}
void vm_map_lookup_done(vm_map_t map, vm_map_entry_t entry) { shim_unlock(map, "vm_map", 1); }
boolean_t vm_map_check_protection(vm_map_t map, vm_offset_t start, vm_offset_t end, vm_prot_t prot) {
  shim_assert(map, "vm_map", 1, __func__);
  struct vm_map_entry* e = &machine_of(map, __func__)->entry[0];
  return start >= e->start && end <= e->end && (e->protection & prot) == prot;
}

/* ---- pages, objects, spaces ---- */

vm_page_t vm_page_lookup(vm_object_t object, vm_pindex_t index) {
  if (PROCTOR_KERNEL > 51) shim_assert(object, "vm_object", 1, __func__);
  if (pr_call != NULL && pr_call->memory == 1 && pr_call->fault_at == 2) return NULL;
  return index - object->shim_first < PAGES ? object->shim_pages[index - object->shim_first] : NULL;
}
static void count_page(vm_page_t m, int* count, int by, const char* where) {
  if (m == NULL) complain("%s: no page (NULL)", where);
#if PROCTOR_2003
  shim_assert(&vm_page_queue_mtx, "vm_page_queue_mtx", 0, where);
#else
  shim_assert(m, "vm_page", 0, where);
#endif
  if ((*count += by) < 0) complain("%s: more often than it was taken", where);
}
void vm_page_wire(vm_page_t m) { count_page(m, &m->wire_count, 1, __func__); }
void vm_page_unwire(vm_page_t m, int activate) { count_page(m, &m->wire_count, -1, __func__); }
void vm_page_hold(vm_page_t m) { count_page(m, &m->hold_count, 1, __func__); }
void vm_page_unhold(vm_page_t m) { count_page(m, &m->hold_count, -1, __func__); }
void vm_object_reference(vm_object_t object) {
  if (object != NULL) object->ref_count++;
}
void vm_object_deallocate(vm_object_t object) {
  if (object == NULL) return;
  if (pr_find_lock(object)) complain("vm_object_deallocate() of an object whose lock is held");
  if (--object->ref_count < 1) complain("vm_object_deallocate() of an object that was not referenced");
}
struct vnode* vm_object_vnode(vm_object_t object) {
  shim_assert(object, "vm_object", 1, __func__);
  return object->type == OBJT_VNODE ? object->handle : NULL;
}
void vm_sync_icache(vm_map_t map, vm_offset_t va, vm_size_t size) {}
struct vmspace* vmspace_acquire_ref(struct proc* p) {
  slot_of(p, __func__);
  p->p_vmspace->vm_refcnt++;
  return p->p_vmspace;
}
void vmspace_free(struct vmspace* space) {
  if (PROCTOR_2003) shim_giant_required(__func__, 0);
#ifdef PROCTOR_WITNESS /* sources of 2015 do it in PT_VM_ENTRY, with the lock of a vm_object: corrected in 2016 */
  pr_sleeps("vmspace_free");
#endif
  if (pr_find_lock(&space->vm_map)) complain("vmspace_free() with the lock of its map held");
  if (--space->vm_refcnt < 1) complain("vmspace_free() of a space that was not referenced");
}

/* ---- vnodes ---- */

void vref(struct vnode* vp) { vp->v_usecount++; }
void vrele(struct vnode* vp) {
  pr_sleeps("vrele");
  if (--vp->v_usecount < 1) complain("vrele() of a vnode that was not referenced");
}
void vput(struct vnode* vp) {
  pr_sleeps("vput");
  shim_unlock(vp, "vnode", -1);
  if (--vp->v_usecount < 1) complain("vput() of a vnode that was not referenced");
}
int vn_lock(struct vnode* vp, int flags) {
  if (vp->v_usecount <= 1) complain("vn_lock() of a vnode that is not referenced");
  shim_lock(vp, "vnode", (flags & LK_SHARED) != 0, 1);
  return 0;
}
void VOP_UNLOCK(struct vnode* vp, int flags) { shim_unlock(vp, "vnode", -1); }
static long vnode_number(struct vnode* vp) {
  for (int s = 0; s < PR_PROCS; s++)
    if (vp == &pr_machine[s].vnode) return s;
  complain("not a vnode");
  return 0;
}
int VOP_GETATTR(struct vnode* vp, struct vattr* va, struct ucred* cr) {
  shim_assert(vp, "vnode", 1, __func__);
  pr_sleeps(__func__);
  va->va_fileid = FILE_ID + vnode_number(vp);
  va->va_fsid = FILE_SYSTEM;
  va->va_mode = 0100755;
  va->va_size = 12288;
  return 0;
}
int vn_fullpath(struct thread* td, struct vnode* vp, char** path, char** freebuf) {
  vnode_number(vp);
  if (vp->v_usecount <= 1) complain("vn_fullpath() of a vnode that is not referenced");
  if (pr_call->nameless) return ENOENT;
  *freebuf = shim_malloc(sizeof kPath + 8, M_TEMP, M_WAITOK);
  *path = *freebuf + 8;
  memcpy(*path, kPath, sizeof kPath);
  return 0;
}
